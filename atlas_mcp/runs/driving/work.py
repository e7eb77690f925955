"""The work of one run that takes long: replies that are read, and answers that are compared.

Owns which work is under way, so that none is done twice. It is done in threads or in a child
process, and abandoned on a cancel: it changes nothing, and is asked for again when its run goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

import anyio.to_thread

from atlas_mcp.algebra import calculation
from atlas_mcp.atlas.commands import CompareAnswers, ReadReply, Work
from atlas_mcp.atlas.comparing.trees import as_json
from atlas_mcp.atlas.events import AnswersCompared, Event
from atlas_mcp.atlas.joined import joined_sets
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.driving.reading import read_reply_or_failure

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SlowWork:
    """Does the work of one run that takes long, each piece of it once."""

    run_id: str
    _under_way: set[Work] = field(init=False, default_factory=set[Work])

    def takes(self, work: Work) -> bool:
        """Return whether it is to be done now: false while it is being done already."""
        if work in self._under_way:
            return False
        self._under_way.add(work)
        return True

    async def done(self, state: RunState, work: Work) -> Event:
        """Return the event that follows from work that was taken."""
        if isinstance(work, CompareAnswers):
            event: Event = await compared(self.run_id, work)
        else:
            event = await self._read(state, work)
        self._under_way.discard(work)
        return event

    async def _read(self, state: RunState, command: ReadReply) -> Event:
        read = partial(read_reply_or_failure, self.run_id, state, command)
        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)


async def compared(run_id: str, command: CompareAnswers) -> AnswersCompared:
    """Return what the computer algebra system says of some answers, if there is one here."""
    trees = [as_json(one) for one in command.expressions]
    verdict = await calculation.compare(trees, command.pairs)
    if verdict.fault:
        logger.info("run %s: not all answers were compared: %s", run_id, verdict.fault)
    same = joined_sets([command.explore_ids[place] for place in pair] for pair in verdict.same)
    return AnswersCompared(
        command.explore_ids, tuple(tuple(sorted(one)) for one in same), verdict.fault
    )
