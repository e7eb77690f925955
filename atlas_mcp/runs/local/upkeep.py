"""Three things that are done for as long as a service is open, none waiting for another.

Leases are renewed, runs are stopped that other processes want stopped, and runs that are not to be
kept are removed. Who drives what, and how a run is stopped, is the service's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.runs.retention import DAY_SECONDS
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
"""Seconds between looks at what other processes want of the runs in hand."""

RENEWALS = 3
"""How often leases are renewed in the time that they last."""

RENEW_AGAIN_SECONDS = 1.0
"""Seconds until leases that could not be renewed are tried again."""

TIDY_AFTER = 1.0
"""Seconds until runs beyond the limits are removed: commands that only look are done by then."""


@dataclass(slots=True)
class Upkeep:
    """What keeps the runs of a service its own.

    Args:
        journal: Where leases and requests are.
        stop: Stops a run because another process asks for it; returns once that is on record.
        give_up: Drops a run whose lease is lost.
        forget: Called now and then, to let go of what nobody has asked for.
        tidy: Removes runs beyond the limits.
    """

    journal: Journal
    stop: Callable[[str, StopCause], Awaitable[None]]
    give_up: Callable[[Lease], None]
    forget: Callable[[], None]
    tidy: Callable[[], Awaitable[None]]
    _stopping: set[tuple[str, StopCause]] = field(
        init=False, default_factory=set[tuple[str, StopCause]]
    )

    async def keep(self) -> None:
        """Keep runs ours, stop those that are not wanted, remove old ones; never returns."""
        async with open_task_group() as tasks:
            tasks.start_soon(self._keep_leases, name="leases")
            tasks.start_soon(self._keep_watch, name="stop requests")
            tasks.start_soon(self._keep_tidy, name="retention")

    async def _keep_leases(self) -> None:
        """Renew leases. Nothing else is done here: they last for seconds."""
        in_time = pause = self.journal.lease_seconds / RENEWALS
        while True:
            await anyio.sleep(pause)
            pause = in_time if await self._renew() else min(in_time, RENEW_AGAIN_SECONDS)

    async def _renew(self) -> bool:
        try:
            lost = await self.journal.renew()
        except JournalError as error:
            logger.error("the leases of running runs could not be renewed: %s", error)
            return False
        for lease in lost:
            self.give_up(lease)
        return True

    async def _keep_watch(self) -> None:
        """Stop runs that other processes want stopped, side by side: each waits for the disk."""
        async with open_task_group() as tasks:
            while True:
                await anyio.sleep(WATCH_SECONDS)
                self.forget()
                try:
                    wanted = await self.journal.stop_requests()
                except JournalError as error:
                    logger.error("what other processes want of the runs is not known: %s", error)
                    continue
                for run_id, cause in wanted.items():
                    if (run_id, cause) not in self._stopping:
                        self._stopping.add((run_id, cause))
                        tasks.start_soon(self._stop, run_id, cause, name=f"stop {run_id}")

    async def _stop(self, run_id: str, cause: StopCause) -> None:
        try:
            await self.stop(run_id, cause)
        except JournalError as error:
            logger.error("run %s: that it was stopped could not be stored: %s", run_id, error)
        finally:
            self._stopping.discard((run_id, cause))

    async def _keep_tidy(self) -> None:
        """Remove what is not to be kept, once a day."""
        await anyio.sleep(TIDY_AFTER)
        while True:
            await self.tidy()
            await anyio.sleep(DAY_SECONDS)
