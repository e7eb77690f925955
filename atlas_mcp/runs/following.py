"""Following runs that other processes drive, by what they add to the journal."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Journal
from atlas_mcp.runs.live import LiveRun

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.25
"""Seconds between looks at a run that another process drives."""

FOLLOWED_AT_FULL_PACE = 25
"""Runs of other processes that are looked at that often; more of them share these looks, a hundred
a second, so that a thousand who wait do not keep the file from those who work."""


@dataclass(slots=True)
class Following:
    """Looks at runs of other processes, the less often the more of them there are.

    Args:
        journal: Where their records are.
    """

    journal: Journal
    _followed: int = field(init=False, default=0)

    async def follow(self, live: LiveRun) -> None:
        """Bring a run that another process drives up to date until nobody drives it.

        Raises:
            JournalError: It cannot be read.
        """
        self._followed += 1
        try:
            while not live.done:
                await anyio.sleep(FOLLOW_SECONDS * max(1.0, self._followed / FOLLOWED_AT_FULL_PACE))
                await self._look(live)
        finally:
            self._followed -= 1

    async def go_on(self, live: LiveRun, state: Callable[[str], Awaitable[RunState]]) -> None:
        """Show those who wait for a run what becomes of it in the process that took it over.

        Args:
            live: The run.
            state: Gives what a run amounts to by its records.
        """
        try:
            live.publish(await state(live.run_id))
            await self.follow(live)
        except JournalError as error:
            logger.error("run %s can be watched no longer: %s", live.run_id, error)

    async def _look(self, live: LiveRun) -> None:
        driven = await self.journal.is_driven(live.run_id)
        records = await self.journal.read(live.run_id, after=live.state.seq)
        state = live.state.read_on(records)
        if records:
            live.clock.set(state.at)
        live.done = not driven
        if records or live.done:
            live.publish(state)
