"""The parts of the journal in memory that know of clients: callers, drivers, patience.

A process is a journal here, which lives until it is closed. `memory_journal` adds the parts that
know of runs.
"""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

import anyio.lowlevel
from typing_extensions import override

from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.journal.clients import (
    Caller,
    Callers,
    CallerState,
    DriverEntry,
    Drivers,
    Patience,
)

CUTS_KEPT = 10
"""Cancelled requests kept of each client."""


@dataclass(slots=True)
class CallerRow:
    """A caller, the journal in which it waits, its state, and when that changed last."""

    caller: Caller
    owner: str
    state: CallerState
    changed_at: float


@dataclass(slots=True)
class ClientRows:
    """The rows of clients that some journals share, and the names of the open journals."""

    callers: dict[str, CallerRow] = field(default_factory=dict[str, CallerRow])
    drivers: dict[str, DriverEntry] = field(default_factory=dict[str, DriverEntry])
    cuts: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])
    living: set[str] = field(default_factory=set[str])

    def remove_runs(self, run_ids: Collection[str]) -> None:
        """Remove the callers of runs."""
        self.callers = {
            caller_id: row
            for caller_id, row in self.callers.items()
            if row.caller.run_id not in run_ids
        }


class JoinedRun(NamedTuple):
    """A run that may be joined: its status, its last change, and whether it is driven."""

    status: Status
    updated_at: float
    driven: bool


@dataclass(slots=True)
class MemoryClients(Callers, Drivers, Patience):
    """The parts that know of clients, on rows that a subclass shares."""

    _owner: str = field(init=False, default_factory=lambda: secrets.token_hex(4))

    def __post_init__(self) -> None:
        self._clients.living.add(self._owner)

    @property
    @abstractmethod
    def _clients(self) -> ClientRows: ...

    @abstractmethod
    def _now(self) -> float: ...

    @abstractmethod
    def _run_to_join(self, run_id: str) -> JoinedRun | None: ...

    @property
    @override
    def owner(self) -> str:
        return self._owner

    @override
    async def join(self, caller: Caller, *, after_cut: bool, since: float) -> str | None:
        await anyio.lowlevel.checkpoint()
        joined = self._joinable(caller, after_cut, since) if caller.digest else None
        run_id = None
        if joined is not None:
            run_id = joined.caller.run_id
            if after_cut:
                joined.caller = replace(joined.caller, digest="")
        stored = replace(caller, run_id=run_id or caller.run_id)
        row = CallerRow(stored, self._owner, "waiting", self._now())
        self._clients.callers[caller.caller_id] = row
        return run_id

    @override
    async def mark(self, caller_id: str, state: CallerState) -> None:
        await anyio.lowlevel.checkpoint()
        row = self._clients.callers.get(caller_id)
        if row is not None and row.state != "received":
            row.state, row.changed_at = state, self._now()

    @override
    async def drop(self, caller_id: str) -> None:
        await anyio.lowlevel.checkpoint()
        self._clients.callers.pop(caller_id, None)

    @override
    async def receive(self, run_id: str, *, until: float = inf) -> None:
        await anyio.lowlevel.checkpoint()
        for row in self._of_run(run_id):
            if row.state != "received" and row.caller.asked_at <= until:
                row.state, row.changed_at = "received", self._now()

    @override
    async def wanted(
        self, run_ids: Sequence[str], *, promises: bool, gone: str | None = None
    ) -> Mapping[str, bool]:
        await anyio.lowlevel.checkpoint()
        return {
            run_id: any(self._wants(row, promises=promises, gone=gone) for row in rows)
            for run_id in run_ids
            if (rows := self._of_run(run_id))
        }

    @override
    async def announce_driver(self, pid: int, version: str) -> None:
        await anyio.lowlevel.checkpoint()
        entry = DriverEntry(self._owner, pid, version, self._now(), None)
        self._clients.drivers[self._owner] = entry

    @override
    async def note_alone(self) -> None:
        await anyio.lowlevel.checkpoint()
        entry = self._clients.drivers.get(self._owner)
        if entry is not None and entry.alone_since is None:
            self._clients.drivers[self._owner] = replace(entry, alone_since=self._now())

    @override
    async def drivers(self) -> tuple[DriverEntry, ...]:
        await anyio.lowlevel.checkpoint()
        rows = self._clients.drivers.values()
        living = [entry for entry in rows if entry.owner in self._clients.living]
        return tuple(sorted(living, key=lambda entry: entry.started_at))

    @override
    async def note_cut(self, client: str, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self._clients.cuts.append((client, self._now(), seconds))

    @override
    async def cuts(self, client: str, *, since: float) -> tuple[float, ...]:
        await anyio.lowlevel.checkpoint()
        of_client = [cut for cut in reversed(self._clients.cuts) if cut[0] == client][:CUTS_KEPT]
        return tuple(seconds for _, at, seconds in of_client if at >= since)

    def _joinable(self, caller: Caller, after_cut: bool, since: float) -> CallerRow | None:
        rows = [row for row in self._clients.callers.values() if row.caller.digest == caller.digest]
        received = {row.caller.run_id for row in rows if row.state == "received"}
        for row in sorted(rows, key=lambda row: -row.caller.asked_at):
            if row.caller.run_id in received and not after_cut:
                continue
            run = self._run_to_join(row.caller.run_id)
            if run is None and not self._is_alive(row):
                del self._clients.callers[row.caller.caller_id]
            elif self._was_cut(row, run, since) if after_cut else self._is_joined(row, run, since):
                return row
        return None

    def _was_cut(self, row: CallerRow, run: JoinedRun | None, since: float) -> bool:
        is_cut = row.state == "cut" or (row.state == "waiting" and not self._is_alive(row))
        if run is None or not is_cut:
            return False
        return max(row.changed_at, run.updated_at) >= since

    def _is_joined(self, row: CallerRow, run: JoinedRun | None, since: float) -> bool:
        if row.state == "waiting" and self._is_alive(row):
            return True
        if run is None:
            return False
        is_recent = max(row.changed_at, run.updated_at) >= since
        return run.driven or (is_recent and run.status != "failed")

    def _of_run(self, run_id: str) -> list[CallerRow]:
        return [row for row in self._clients.callers.values() if row.caller.run_id == run_id]

    def _is_alive(self, row: CallerRow) -> bool:
        return row.owner in self._clients.living

    def _wants(self, row: CallerRow, *, promises: bool, gone: str | None) -> bool:
        if row.state == "promised" and promises:
            return True
        is_alive = row.owner != gone and self._is_alive(row)
        return row.state in ("waiting", "promised") and is_alive
