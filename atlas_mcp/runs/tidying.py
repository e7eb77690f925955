"""Work of an open service that no caller asks for: old runs are removed, unread states let go.

The limits are the operator's (`[journal]`); which runs are beyond them is the journal's to say.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import anyio

from atlas_mcp.config.settings import JournalSettings
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import ListedRun, RunIndex
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.retention import DAY_SECONDS, Keep
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

TIDY_AFTER = 1.0
"""Seconds until runs beyond the limits are removed: commands that only look are done by then."""

FORGET_SECONDS = 5.0
"""Seconds between looks for states that are let go."""


@dataclass(slots=True)
class Tidying:
    """Removes runs beyond the limits of the configuration, and forgets states.

    Args:
        journal: The runs.
        limits: How long the operator keeps them.
        states: The states that were read last.
    """

    journal: RunIndex
    limits: JournalSettings
    states: RecentStates

    async def keep(self) -> None:
        """Remove runs once a day and forget states now and then; never returns."""
        async with open_task_group() as tasks:
            tasks.start_soon(self._remove_daily, name="retention")
            tasks.start_soon(self._forget, name="states")

    async def remove_expired(self) -> None:
        """Remove the runs that the operator does not want to keep."""
        keep = Keep(self.limits.keep_days, self.limits.max_size_mb)
        try:
            removed = await self.journal.remove(await expired_runs(self.journal, keep))
        except JournalError as error:
            logger.error("runs beyond the limits of [journal] could not be removed: %s", error)
        else:
            if removed:
                logger.info("%d runs beyond the limits of [journal] were removed", len(removed))

    async def _remove_daily(self) -> None:
        await anyio.sleep(TIDY_AFTER)
        while True:
            await self.remove_expired()
            await anyio.sleep(DAY_SECONDS)

    async def _forget(self) -> None:
        while True:
            await anyio.sleep(FORGET_SECONDS)
            self.states.forget()


async def expired_runs(journal: RunIndex, keep: Keep) -> tuple[ListedRun, ...]:
    """Return the runs beyond the limits, longest idle first; never one that is driven.

    Args:
        journal: The runs.
        keep: The limits; without one, no run is beyond them.
    """
    if keep.everything:
        return ()
    return await journal.expired(
        idle_since=keep.idle_since(time.time()), size_bytes=keep.size_bytes
    )
