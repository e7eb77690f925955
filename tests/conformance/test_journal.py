"""Every journal passes the suite that is shipped with the package."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.processes import LEASE_SECONDS
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    callers,
    drivers,
    leases,
    patience,
    records,
    run_index,
    search,
    spending,
    tasks,
)
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore

PARTS = (records, leases, run_index, tasks, spending, callers, drivers, patience, search)
CHECKS = [check for part in PARTS for check in part.CHECKS]


@dataclass
class SqliteStand(Stand):
    folder: Path
    now: float = 1_000_000.0

    @property
    @override
    def lease_seconds(self) -> float:
        return LEASE_SECONDS

    @override
    def open(self) -> Journal:
        return SqliteJournal(self.folder, clock=lambda: self.now)

    @override
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @override
    def tear(self, run_id: str, seq: int) -> None:
        connection = sqlite3.connect(self.folder / FILE_NAME)
        with connection:
            connection.execute(
                "UPDATE events SET body = substr(body, 1, length(body) / 2) "
                "WHERE run_id = ? AND seq = ?",
                (run_id, seq),
            )
        connection.close()


@dataclass
class MemoryStand(Stand):
    store: MemoryStore = field(default_factory=MemoryStore)
    now: float = 1_000_000.0

    @property
    @override
    def lease_seconds(self) -> float:
        return LEASE_SECONDS

    @override
    def open(self) -> Journal:
        return MemoryJournal(self.store, clock=lambda: self.now)

    @override
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @override
    def tear(self, run_id: str, seq: int) -> None:
        lines = self.store.runs[run_id].lines
        at, line = lines[seq - 1]
        lines[seq - 1] = at, line[: len(line) // 2]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_sqlite_journal_conforms(check: Check, tmp_path: Path) -> None:
    await check(SqliteStand(tmp_path / "home"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_journal_in_memory_conforms(check: Check) -> None:
    await check(MemoryStand())
