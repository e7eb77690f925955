"""Rows of the processes that drive runs for servers."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from atlas_mcp.journal.clients import DriverEntry
from atlas_mcp.journal.sqlite.driver_rows import announce, living, note_alone
from atlas_mcp.journal.sqlite.opening import connect

ONE, OTHER = DriverEntry("7-a", 7, "1.0", 5.0, None), DriverEntry("8-b", 8, "1.1", 4.0, None)


def lives(_owner: str, _since: float) -> bool:
    return True


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    connection = connect(tmp_path / "file", busy_timeout=1)
    announce(connection, ONE, lives)
    announce(connection, OTHER, lives)
    yield connection
    connection.close()


def test_drivers_are_listed_oldest_first_while_they_live(connection: sqlite3.Connection) -> None:
    assert living(connection, lives) == (OTHER, ONE)
    assert living(connection, lambda owner, _: owner == "7-a") == (ONE,)


def test_a_driver_that_is_gone_is_removed_by_the_next(connection: sqlite3.Connection) -> None:
    third = DriverEntry("9-c", 9, "1.1", 6.0, None)
    announce(connection, third, lambda owner, _: owner != "8-b")

    assert living(connection, lives) == (ONE, third)


def test_a_driver_is_alone_from_the_first_time_on(connection: sqlite3.Connection) -> None:
    for now in (10.0, 11.0):
        note_alone(connection, "7-a", now)

    assert [one.alone_since for one in living(connection, lives)] == [None, 10.0]


def test_a_process_without_locks_counts_from_its_last_change(
    connection: sqlite3.Connection,
) -> None:
    note_alone(connection, "7-a", 10.0)
    asked = list[tuple[str, float]]()

    living(connection, lambda owner, since: not asked.append((owner, since)))

    assert asked == [("8-b", 4.0), ("7-a", 10.0)]


def test_a_damaged_driver_is_read_as_far_as_it_can_be(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE drivers SET pid = 'x', version = x'72ff', started_at = 'late'")
    connection.execute("UPDATE drivers SET alone_since = -1")

    assert living(connection, lives)[0] == DriverEntry("7-a", 0, "r\ufffd", 0.0, None)
