"""The parts of the journal that know of clients, on a disk that is slow."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import anyio

from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal


async def test_no_row_of_a_client_waits_for_the_disk(tmp_path: Path) -> None:
    flushed = Event()
    journal = SqliteJournal(tmp_path, sync=lambda _: flushed.set())
    with anyio.fail_after(10):
        await journal.join(Caller("c", "r", "d", 1.0), after_cut=False, since=0.0)
        await journal.mark("c", "promised")
        await journal.receive("r")
        await journal.drop("c")
        await journal.announce_driver(7, "1.0")
        await journal.note_alone()
        await journal.note_cut("client", 4.0)

    assert not flushed.is_set()
    await journal.aclose()


async def test_receiving_twice_writes_once(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await journal.join(Caller("c", "r", "d", 1.0), after_cut=False, since=0.0)
    await journal.receive("r")
    log = tmp_path / "journal.sqlite3-wal"
    before = log.read_bytes()

    await journal.receive("r")
    assert await journal.wanted([], promises=True) == {}

    assert log.read_bytes() == before
    await journal.aclose()
