"""The leases that one process holds, and whether the holder of any other lease is alive.

Owns the leases of this process, and those that it still has to give back. A lease ends with its
time, or with its process (`process_locks`). If giving a lease back could not be stored, the lease
counts as free here, and the next renewal stores that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.base import Lease, Leases, LiveRequest
from atlas_mcp.journal.sqlite import lease_rows
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow
from atlas_mcp.journal.sqlite.processes import is_lease_live
from atlas_mcp.journal.sqlite.store import Store


@dataclass(slots=True)
class SqliteLeases(Leases):
    """The `Leases` of one process.

    Args:
        store: Holds the leases.
        folder: `ATLAS_HOME`, which holds the locks of processes.
        owner: The name of this process in the rows.
        clock: Unix seconds.
        lease_seconds: Seconds without renewal after which a lease ends.
    """

    store: Store
    folder: Path
    owner: str
    clock: Callable[[], float]
    lease_seconds: float
    _held: dict[str, Lease] = field(init=False, default_factory=dict[str, Lease])
    _to_give_back: set[Lease] = field(init=False, default_factory=set[Lease])

    @property
    def are_all_given_back(self) -> bool:
        """Whether the file has every return of a lease."""
        return not self._to_give_back

    @property
    def given_back(self) -> set[str]:
        """The runs that were given back and are still leased in the file."""
        return {lease.run_id for lease in self._to_give_back} - self._held.keys()

    def new(self, fence: int) -> LeaseRow:
        """Return the row of a lease that this process takes now."""
        return LeaseRow(self.owner, fence, self.clock() + self.lease_seconds)

    def hold(self, lease: Lease) -> None:
        """Renew a stored lease from now on."""
        self._held[lease.run_id] = lease

    @override
    async def claim(self, run_id: str) -> Lease:
        def write(connection: sqlite3.Connection) -> int:
            row = lease_rows.require(connection, run_id)
            if self.is_held(run_id, row):
                raise JournalBusy(f"run {run_id!r} is driven by another process; wait for it")
            lease_rows.take(connection, run_id, self.new(row.fence + 1))
            return row.fence + 1

        lease = Lease(run_id, await self.store.write(write, durable=False))
        self.hold(lease)
        return lease

    @override
    async def renew(self) -> tuple[Lease, ...]:
        held = list(self._held.values())

        def write(connection: sqlite3.Connection) -> list[Lease]:
            until = self.clock() + self.lease_seconds
            return lease_rows.renew(connection, held, owner=self.owner, until=until)

        lost = await self.store.write(write, durable=False) if held else []
        for lease in lost:
            if self._held.get(lease.run_id) == lease:
                del self._held[lease.run_id]
        if self._to_give_back:
            # Done last, and tried again at the next renewal, so that held leases do not lapse.
            with suppress(JournalError):
                await self._give_back(tuple(self._to_give_back))
        return tuple(lost)

    @override
    async def release(self, lease: Lease) -> None:
        if self._held.get(lease.run_id) == lease:
            del self._held[lease.run_id]
        await self._give_back([lease])

    async def release_all(self) -> None:
        """Give all leases back."""
        held, self._held = list(self._held.values()), {}
        if held:
            await self._give_back(held)

    @override
    async def is_driven(self, run_id: str) -> bool:
        return await self.store.rows.ask(
            lambda connection: self.is_held(run_id, lease_rows.require(connection, run_id))
        )

    @override
    async def request_stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        await self._request(run_id, LiveRequest(cause, grace))

    @override
    async def request_lift(self, run_id: str) -> None:
        await self._request(run_id, LiveRequest(None))

    @override
    async def take_requests(self) -> Mapping[str, LiveRequest]:
        held = list(self._held.values())
        if not held or not await self.store.rows.ask(
            lambda found: lease_rows.requests(found, held)
        ):
            return {}
        return await self.store.write(
            lambda connection: lease_rows.take_requests(connection, held), durable=False
        )

    def is_held(self, run_id: str, row: LeaseRow) -> bool:
        """Return whether a live process holds the lease of a run."""
        is_free = row.owner == self.owner and Lease(run_id, row.fence) in self._to_give_back
        return not is_free and self.is_live(row.owner, row.until)

    def is_live(self, owner: str | None, until: float) -> bool:
        """Return whether a lease has not ended and its owner has not died."""
        return is_lease_live(
            self.folder,
            owner,
            until=until,
            now=self.clock(),
            lease_seconds=self.lease_seconds,
        )

    async def _request(self, run_id: str, wanted: LiveRequest) -> None:
        await self.store.write(
            lambda connection: lease_rows.request(connection, run_id, wanted), durable=False
        )

    async def _give_back(self, leases: Sequence[Lease]) -> None:
        self._to_give_back.update(leases)
        await self.store.write(
            lambda connection: lease_rows.give_back(connection, leases, self.owner), durable=False
        )
        self._to_give_back.difference_update(leases)
