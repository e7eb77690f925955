"""Rows of cancelled requests: few of a client, and few in all."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from atlas_mcp.journal.sqlite import patience_rows
from atlas_mcp.journal.sqlite.opening import connect


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    connection = connect(tmp_path / "file", busy_timeout=1)
    yield connection
    connection.close()


def count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM cuts").fetchone()[0]


def test_the_newest_of_a_client_are_kept(connection: sqlite3.Connection) -> None:
    patience_rows.note(connection, "other", 1.0, now=0.0)
    for n in range(13):
        patience_rows.note(connection, "c", float(n), now=5.0)

    assert patience_rows.since(connection, "c", 0.0) == tuple(float(n) for n in range(12, 2, -1))
    assert patience_rows.since(connection, "other", 0.0) == (1.0,)
    assert count(connection) == 11


def test_those_before_a_time_are_left_out(connection: sqlite3.Connection) -> None:
    for now in (1.0, 2.0, 3.0):
        patience_rows.note(connection, "c", 10 * now, now=now)

    assert patience_rows.since(connection, "c", 2.0) == (30.0, 20.0)
    assert patience_rows.since(connection, "nobody", 0.0) == ()


def test_clients_that_name_themselves_anew_each_time_fill_no_disk(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience_rows, "KEPT", 5)
    for n in range(9):
        patience_rows.note(connection, f"client {n}", 1.0, now=float(n))

    assert count(connection) == 5
    assert patience_rows.since(connection, "client 8", 0.0) == (1.0,)
    assert patience_rows.since(connection, "client 3", 0.0) == ()


@pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "x" * 5_000])
def test_any_name_will_do(connection: sqlite3.Connection, name: str) -> None:
    patience_rows.note(connection, name, 4.0, now=1.0)

    assert patience_rows.since(connection, name, 0.0) == (4.0,)
    (length,) = connection.execute("SELECT max(length(client)) FROM cuts").fetchone()
    assert length <= patience_rows.MOST_NAME_CHARACTERS
