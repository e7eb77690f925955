"""Runs of a driver, shown to those who watch them in its server.

Records come from the journal, once the driver has told that there are more; all that is on no
record comes from the driver: tokens, notices, the place in line, and a run that broke off.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from atlas_mcp.atlas.codec import decode_event
from atlas_mcp.atlas.events import Record
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Records
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.detached.driver_process import Showing
from atlas_mcp.runs.detached.messages import Shown
from atlas_mcp.runs.following import follow_on
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    where: str | None


@asynccontextmanager
async def shown_run(
    run_id: str, showing: Showing, first: Shown, records: Records, states: RecentStates
) -> AsyncGenerator[LiveRun]:
    """Keep a run that a driver has up to date for the length of a block.

    Args:
        run_id: The run.
        showing: Gives the driver's pictures of it.
        first: The first of them.
        records: The records of the runs.
        states: The states of the runs that were read last.

    Raises:
        JournalError: It cannot be read.
    """
    state = await states.state(run_id)
    live = LiveRun(run_id, state, beside=True, clock=RunClock(state.at))
    await _take(live, first, states)
    if live.done:
        yield live
        return
    async with open_task_group() as tasks:
        tasks.start_soon(_keep_up, live, showing, records, states, name=f"follow {run_id}")
        yield live
        tasks.cancel_scope.cancel("the run is not looked at any more")


async def _keep_up(live: LiveRun, showing: Showing, records: Records, states: RecentStates) -> None:
    while not live.done:
        shown = await showing.next()
        if shown is None:
            # The driver has died, and the journal soon shows that nobody drives the run.
            await follow_on(live, records, states.state)
            return
        try:
            await _take(live, shown, states)
        except JournalError as error:
            logger.error("run %s can be watched no longer: %s", live.run_id, error)
            live.end()


async def _take(live: LiveRun, shown: Shown, states: RecentStates) -> None:
    """Bring a run up to date with a picture of its driver."""
    state = live.state
    if shown.stored > state.seq:
        state = await states.state(live.run_id)
    unstored = tuple(Record(one.seq, one.at, decode_event(one.line)) for one in shown.unstored)
    for record in unstored:
        if record.seq == state.seq + 1:
            state = state.apply(record)
    if shown.broken is not None:
        live.break_off(shown.broken, unstored)
    live.tokens = dict(shown.tokens)
    live.place = _Place(shown.waiting)
    live.tell(shown.notice)
    live.follow_up(state, driven=not shown.done)
