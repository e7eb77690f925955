"""Renew the leases of this process, and hear other processes' requests to stop its runs or go on.

Both go on for as long as the engine is open, and neither waits for the other. The engine carries
the requests out, and drops the runs whose leases are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

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
    """Keeps the leases of an engine, and has it carry out the requests of other processes.

    Args:
        journal: Holds the leases and the requests.
        carry_out: Stops a run or lifts its stop; returns once that is on record.
        give_up: Drops a run whose lease is lost.
    """

    journal: Leases
    carry_out: Callable[[str, LiveRequest], Awaitable[None]]
    give_up: Callable[[Lease], None]
    # A request is given once, so those that could not be carried out are kept here.
    _failed: dict[str, LiveRequest] = field(init=False, default_factory=dict[str, LiveRequest])

    async def keep(self) -> None:
        """Renew leases and carry out requests; never returns."""
        async with open_task_group() as tasks:
            tasks.start_soon(self._keep_leases, name="leases")
            tasks.start_soon(self._keep_watch, name="requests")

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
        """Have requests carried out, concurrently: each of them waits for the disk."""
        async with open_task_group() as tasks:
            while True:
                await anyio.sleep(WATCH_SECONDS)
                try:
                    requests = await self.journal.take_requests()
                except JournalError as error:
                    logger.error("the requests of other processes could not be read: %s", error)
                    continue
                again, self._failed = self._failed, {}
                for run_id, request in {**requests, **again}.items():
                    tasks.start_soon(self._carry_out, run_id, request, name=f"request {run_id}")

    async def _carry_out(self, run_id: str, request: LiveRequest) -> None:
        try:
            await self.carry_out(run_id, request)
        except JournalError as error:
            if request.cause is None:
                # The run has broken off, which its followers see.
                logger.error("run %s: that it goes on could not be stored: %s", run_id, error)
            else:
                logger.error("run %s: that it was stopped could not be stored: %s", run_id, error)
                self._failed[run_id] = request
