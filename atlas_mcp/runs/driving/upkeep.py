"""Renew the leases of this process, and stop the runs that other processes ask it to stop.

Both go on for as long as the engine is open, and neither waits for the other. The engine stops the
runs, and drops those whose leases are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Lease, Leases, LiveRequest
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
"""Seconds between reads of the requests of other processes."""

RENEWALS = 3
"""Renewals of a lease within the time that it lasts."""

RENEW_AGAIN_SECONDS = 1.0
"""Seconds until leases that could not be renewed are tried again."""


@dataclass(slots=True)
class Upkeep:
    """Keeps the leases of an engine, and carries out the stop requests of other processes.

    Args:
        journal: Holds the leases and the requests.
        stop: Stops a run at another process's request; returns once the stop is on record.
        give_up: Drops a run whose lease is lost.
    """

    journal: Leases
    stop: Callable[[str, StopCause], Awaitable[None]]
    give_up: Callable[[Lease], None]
    _stopping: set[tuple[str, StopCause]] = field(
        init=False, default_factory=set[tuple[str, StopCause]]
    )
    _failed: dict[str, LiveRequest] = field(init=False, default_factory=dict[str, LiveRequest])

    async def keep(self) -> None:
        """Renew leases and carry out stop requests; never returns."""
        async with open_task_group() as tasks:
            tasks.start_soon(self._keep_leases, name="leases")
            tasks.start_soon(self._keep_watch, name="stop requests")

    async def _keep_leases(self) -> None:
        """Renew leases, and do nothing else in this task: leases last only for seconds."""
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
        """Stop runs at other processes' requests, concurrently: each stop waits for the disk."""
        async with open_task_group() as tasks:
            while True:
                await anyio.sleep(WATCH_SECONDS)
                try:
                    requests = await self.journal.take_requests()
                except JournalError as error:
                    logger.error(
                        "the stop requests of other processes could not be read: %s", error
                    )
                    continue
                # A request is given once, so one that could not be carried out is kept here.
                again, self._failed = self._failed, {}
                for run_id, wanted in {**again, **requests}.items():
                    if wanted.cause is not None and (run_id, wanted.cause) not in self._stopping:
                        self._stopping.add((run_id, wanted.cause))
                        tasks.start_soon(self._stop, run_id, wanted.cause, name=f"stop {run_id}")

    async def _stop(self, run_id: str, cause: StopCause) -> None:
        try:
            await self.stop(run_id, cause)
        except JournalError as error:
            logger.error("run %s: that it was stopped could not be stored: %s", run_id, error)
            self._failed.setdefault(run_id, LiveRequest(cause))
        finally:
            self._stopping.discard((run_id, cause))
