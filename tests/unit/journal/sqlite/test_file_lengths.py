"""A file that was cut short while it was open is noticed, and one that shrank in order is not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.file_lengths import FileLengths


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    yield connection
    connection.close()


def test_files_that_grow_are_sound(database: sqlite3.Connection, tmp_path: Path) -> None:
    lengths = FileLengths(tmp_path / "db")
    database.execute("INSERT INTO t VALUES (zeroblob(100000))")

    assert not lengths.are_less
    lengths.check(database)


def test_a_log_that_a_checkpoint_emptied_is_sound(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    lengths = FileLengths(tmp_path / "db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert lengths.are_less
    lengths.check(database)


def test_a_log_that_was_cut_short_is_found_for_good(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    lengths = FileLengths(tmp_path / "db")
    log = tmp_path / "db-wal"
    size = log.stat().st_size
    os.truncate(log, size // 2)

    for _ in range(2):
        with pytest.raises(JournalError, match="db-wal was cut short"):
            lengths.check(database)
        os.truncate(log, size)


def test_a_database_that_gave_free_pages_back_is_sound(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    lengths = FileLengths(tmp_path / "db")
    database.execute("DELETE FROM t")
    database.execute("PRAGMA incremental_vacuum").fetchall()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert lengths.are_less
    lengths.check(database)
