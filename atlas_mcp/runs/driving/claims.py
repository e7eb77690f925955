"""Leases of runs, from the claim to the return.

Owns the order in which this process claims runs, and the records that are written before a run is
driven: a run is read under its lease, its next events are decided on that state, and only then a
driver gets it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import anyio
import anyio.to_thread

from atlas_mcp.atlas.events import Event, Record
from atlas_mcp.atlas.state import RunState
from atlas_mcp.closing import last_act
from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.base import Lease, Leases, Records
from atlas_mcp.loop_turns import rush
from atlas_mcp.runs.clock import RunClock

logger = logging.getLogger(__name__)

RELEASE_SECONDS = 1.0
"""Seconds for giving a lease back; after them the lease runs out by itself."""

TURN_SECONDS = 15.0
"""Seconds that explores wait for another process that drives their run. Some clients start a server
for each call, and give up after about twenty seconds."""

TURN_LOOK_SECONDS = 0.2
"""Seconds between checks on whether the other process has released the run."""

Decide: TypeAlias = Callable[[RunState], Iterable[Event]]
"""Returns the events to record on a run, from its state under the lease."""


class Claimed(NamedTuple):
    """A run whose lease this process holds.

    Attributes:
        state: The state folded from its records.
        lease: The right to append to it.
    """

    state: RunState
    lease: Lease


@dataclass(slots=True)
class Claims:
    """Claims runs, one request of this process at a time for each run.

    Args:
        records: The records of the runs.
        leases: Their leases.
    """

    records: Records
    leases: Leases
    # The runs that a request is about to claim, until they are driven, given back or refused.
    _under_way: dict[str, anyio.Event] = field(init=False, default_factory=dict[str, anyio.Event])

    def under_way(self, run_id: str) -> anyio.Event | None:
        """Return the event of the end of another request's claim; `None` if there is none."""
        return self._under_way.get(run_id)

    @asynccontextmanager
    async def alone(self, run_id: str) -> AsyncGenerator[None]:
        """Keep other requests of this process from claiming a run for the length of a block.

        A request that found the run claimed would take this process's claim for another process's.
        """
        while (other := self._under_way.get(run_id)) is not None:
            await other.wait()
        ended = self._under_way[run_id] = anyio.Event()
        try:
            yield
        finally:
            del self._under_way[run_id]
            ended.set()

    async def open(self, run_id: str, events: Iterable[Event]) -> Claimed:
        """Record a new run, and claim it.

        Raises:
            JournalError: The run could not be stored.
        """
        now = RunClock().now()
        records = [Record(seq, now, event) for seq, event in enumerate(events, start=1)]
        with rush().one_more():
            lease = await self.records.open_run(run_id, records[0])
            try:
                await self.records.append(lease, records[1:])
            except BaseException:
                await self.release(lease)
                raise
        return Claimed(RunState.fold(records), lease)

    async def take(self, run_id: str, decide: Decide) -> Claimed:
        """Claim a run that is not driven, and record the events that `decide` returns for it.

        Raises:
            UnknownRun: There is no such run.
            JournalBusy: Another process drives it.
            JournalError: The events could not be stored.
        """
        lease = await self.leases.claim(run_id)
        try:
            # Read under the lease: another process may have added to it meanwhile.
            state = RunState.fold(await self.records.read(run_id))
            clock = RunClock(state.at)
            records: list[Record] = []
            # In a thread, since unread replies may take seconds to read. Not abandoned on a cancel,
            # or a run whose reading takes longer than callers wait could never be ended.
            for event in await anyio.to_thread.run_sync(decide, state):
                records.append(Record(state.seq + 1, clock.now(), event))
                state = state.apply(records[-1])
            await self.records.append(lease, records)
        except BaseException:
            await self.release(lease)
            raise
        return Claimed(state, lease)

    async def take_in_turn(self, run_id: str, decide: Decide) -> Claimed:
        """Claim a run as `take` does, after waiting for another process that drives it."""
        until = anyio.current_time() + TURN_SECONDS
        while True:
            try:
                return await self.take(run_id, decide)
            except JournalBusy:
                if anyio.current_time() >= until:
                    raise
            await anyio.sleep(TURN_LOOK_SECONDS)

    async def release(self, lease: Lease, *, known: str | None = None) -> None:
        """Give a lease back. If that cannot be stored, the lease runs out by itself.

        Args:
            lease: The lease.
            known: A fault of the journal that is in the log already.
        """
        with last_act(f"giving the lease of run {lease.run_id} back", RELEASE_SECONDS):
            try:
                await self.leases.release(lease)
            except JournalError as error:
                if str(error) != known:
                    logger.error(
                        "the lease of run %s could not be given back: %s", lease.run_id, error
                    )
