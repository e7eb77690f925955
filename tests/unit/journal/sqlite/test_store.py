"""The open files of a journal."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.store import FILE_NAME, Store, open_store


def count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM tasks").fetchone()[0]


async def test_both_readers_see_a_change_once_it_is_written(tmp_path: Path) -> None:
    with ExitStack() as opened:
        store = open_store(tmp_path, opened)
        opened.pop_all()
    assert await store.rows.ask(count) == 0

    await store.write(lambda found: found.execute("INSERT INTO tasks VALUES ('t', 'r', 1.0)"))

    assert await store.rows.ask(count) == await store.records.ask(count) == 1
    await store.aclose()


async def test_a_store_without_a_writer_refuses_every_change(tmp_path: Path) -> None:
    with ExitStack() as opened:
        store = open_store(tmp_path, opened)
        opened.pop_all()
    read_only = Store(tmp_path / FILE_NAME, store.records, store.rows, writer=None)

    with pytest.raises(JournalError, match="can only be read"):
        await read_only.write(lambda found: found.execute("DELETE FROM tasks"))
    await store.aclose()


async def test_files_are_closed_where_their_caller_fails(tmp_path: Path) -> None:
    opened = ExitStack()
    store = open_store(tmp_path, opened)

    opened.close()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        store.rows.connection.execute("SELECT 1")
