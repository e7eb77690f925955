"""Connections that only read."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.events import Record
from atlas_mcp.journal.sqlite import event_rows
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record


async def test_looking_something_up_waits_for_no_run_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = threading.Event(), threading.Event()
    read = event_rows.read

    def slowly(connection: sqlite3.Connection, run_id: str, after: int) -> tuple[Record, ...]:
        begun.set()
        assert gate.wait(10)
        return read(connection, run_id, after)

    monkeypatch.setattr(event_rows, "read", slowly)
    journal = SqliteJournal(tmp_path)
    await journal.open_run("r", first_record())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(journal.read, "r")
        await anyio.to_thread.run_sync(begun.wait, 10)
        with anyio.fail_after(5):
            assert await journal.is_driven("r")
            assert await journal.take_requests() == {}
            assert await journal.find_task("unknown") is None
            assert [run.run_id for run in await journal.list_runs()] == ["r"]
            assert await journal.spending_of("r") == await journal.spending("2026-11-28") == 0
        gate.set()
    await journal.aclose()
