"""A journal's files are made for their user alone, and another file in their place is noticed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.opening import (
    Place,
    address,
    connect,
    connect_to_read,
    open_there,
)

posix = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


@posix
def test_the_folder_and_the_file_are_for_their_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "runs.db"

    connect(path, busy_timeout=1.0).close()

    assert [one.stat().st_mode & 0o777 for one in (path.parent, path)] == [0o700, 0o600]


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.db").mkdir()

    with pytest.raises((sqlite3.Error, OSError)):
        connect(tmp_path / "runs.db", busy_timeout=1.0)


def test_a_missing_file_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_there(tmp_path / "runs.db", busy_timeout=1.0)
    assert not (tmp_path / "runs.db").exists()


def test_a_connection_to_read_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writing = connect(path, busy_timeout=1.0)
    reading = connect_to_read(path, busy_timeout=1.0)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("DELETE FROM runs")
    reading.close()
    writing.close()


@pytest.mark.parametrize("name", ["a b", "50%", "a?b", "ä#"])
def test_every_name_of_a_file_has_an_address(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")

    sqlite3.connect(address(tmp_path / name, "mode=rw"), uri=True).close()

    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_another_file_in_place_of_the_journal_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = connect(path, busy_timeout=1.0)
    place = Place.of(path)
    place.check()
    place.check_lengths(connection)

    path.rename(tmp_path / "moved")
    with pytest.raises(JournalError, match="removed"):
        place.check()
    path.write_bytes(b"")
    with pytest.raises(JournalError, match="replaced by another file"):
        place.check_lengths(connection)
    connection.close()
