"""The parts of the SQLite journal that know of clients: callers, drivers, patience.

Owns no file: `journal` opens the files and adds the parts that know of runs. Nothing here waits for
the disk, since no answer depends on these rows after a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from typing_extensions import override

from atlas_mcp.journal.clients import (
    Caller,
    Callers,
    CallerState,
    DriverEntry,
    Drivers,
    Patience,
)
from atlas_mcp.journal.sqlite import caller_rows, driver_rows, patience_rows
from atlas_mcp.journal.sqlite.leases import SqliteLeases
from atlas_mcp.journal.sqlite.processes import Processes
from atlas_mcp.journal.sqlite.store import Store


@dataclass(slots=True)
class SqliteClients(Callers, Drivers, Patience):
    """The parts that know of clients, on files that a subclass opens."""

    _store: Store = field(init=False)
    _leases: SqliteLeases = field(init=False)
    _processes: Processes = field(init=False)

    @override
    async def join(self, caller: Caller, *, after_cut: bool, since: float) -> str | None:
        processes = self._processes
        joining = caller_rows.Joining(after_cut, since, processes.lives, self._leases.is_held)

        def write(connection: sqlite3.Connection) -> str | None:
            now = processes.clock()
            return caller_rows.join(connection, caller, processes.owner, now=now, joining=joining)

        return await self._store.write(write, durable=False)

    @override
    async def mark(self, caller_id: str, state: CallerState) -> None:
        now = self._processes.clock()
        await self._store.write(
            lambda connection: caller_rows.mark(connection, caller_id, state, now), durable=False
        )

    @override
    async def drop(self, caller_id: str) -> None:
        await self._store.write(
            lambda connection: caller_rows.drop(connection, caller_id), durable=False
        )

    @override
    async def receive(self, run_id: str, *, until: float = inf) -> None:
        if await self._store.rows.ask(
            lambda found: caller_rows.has_unreceived(found, run_id, until)
        ):
            now = self._processes.clock()
            await self._store.write(
                lambda connection: caller_rows.receive(connection, run_id, until, now),
                durable=False,
            )

    @override
    async def wanted(self, run_ids: Sequence[str], *, promises: bool) -> Mapping[str, bool]:
        if not run_ids:
            return {}
        lives = self._processes.lives
        return await self._store.rows.ask(
            lambda found: caller_rows.wanted(found, run_ids, promises=promises, lives=lives)
        )

    @override
    async def announce_driver(self, pid: int, version: str) -> None:
        processes = self._processes
        entry = DriverEntry(processes.owner, pid, version, processes.clock(), None)
        await self._store.write(
            lambda connection: driver_rows.announce(connection, entry, processes.lives),
            durable=False,
        )

    @override
    async def note_alone(self) -> None:
        owner, now = self._processes.owner, self._processes.clock()
        await self._store.write(
            lambda connection: driver_rows.note_alone(connection, owner, now), durable=False
        )

    @override
    async def drivers(self) -> tuple[DriverEntry, ...]:
        lives = self._processes.lives
        return await self._store.rows.ask(lambda found: driver_rows.living(found, lives))

    @override
    async def note_cut(self, client: str, seconds: float) -> None:
        now = self._processes.clock()
        await self._store.write(
            lambda connection: patience_rows.note(connection, client, seconds, now=now),
            durable=False,
        )

    @override
    async def cuts(self, client: str, *, since: float) -> tuple[float, ...]:
        return await self._store.rows.ask(lambda found: patience_rows.since(found, client, since))
