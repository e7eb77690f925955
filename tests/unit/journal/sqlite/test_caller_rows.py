"""Rows of the tool calls that wait for runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from atlas_mcp.atlas.summary import RunSummary
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite import caller_rows, run_rows
from atlas_mcp.journal.sqlite.caller_rows import Joining
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow
from atlas_mcp.journal.sqlite.opening import connect

LIVING = "7-a"


def lives(owner: str, _since: float) -> bool:
    return owner == LIVING


def solving(since: float = 0.0, *, driven: bool = False) -> Joining:
    def is_held(_run_id: str, _lease: LeaseRow) -> bool:
        return driven

    return Joining(after_cut=False, since=since, lives=lives, is_held=is_held)


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    connection = connect(tmp_path / "file", busy_timeout=1)
    summary = RunSummary(1.0, 1.0, "answered", "atlas", "How many?")
    run_rows.add(connection, "r", summary, LeaseRow(None, 1, 0.0))
    yield connection
    connection.close()


def ids(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT caller_id FROM callers ORDER BY 1")]


def test_a_run_changes_late_and_its_caller_early_or_the_other_way_round(
    connection: sqlite3.Connection,
) -> None:
    caller_rows.join(connection, Caller("1", "r", "d", 1.0), "8-b", now=1.0, joining=solving())
    connection.execute("UPDATE runs SET updated_at = 50")
    for since, joined in ((50.0, "r"), (50.5, None)):
        connection.execute("DELETE FROM callers WHERE caller_id = '2'")
        two = Caller("2", "new", "d", 60.0)
        found = caller_rows.join(connection, two, LIVING, now=60.0, joining=solving(since))
        assert found == joined


def test_damaged_columns_cost_no_row(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO callers VALUES ('1', 'r', 'd', x'72ff', 9, 'soon', 'late'), "
        "('2', x'72', 'd', 'o', 'waiting', 1, 1)"
    )
    connection.execute("UPDATE runs SET status = 4, updated_at = 'late'")

    assert caller_rows.wanted(connection, ["r"], promises=True, lives=lives) == {"r": False}
    three = Caller("3", "new", "d", 1.0)
    assert caller_rows.join(connection, three, LIVING, now=1.0, joining=solving(0.5)) is None
    assert ids(connection) == ["1", "3"], "the second had no run"
    four = Caller("4", "newer", "d", 1.0)
    joining = solving(0.5, driven=True)
    assert caller_rows.join(connection, four, LIVING, now=1.0, joining=joining) == "r"


def test_callers_that_never_had_a_run_are_forgotten_in_time(
    connection: sqlite3.Connection,
) -> None:
    for caller_id, run_id, now in (("1", "r", 1.0), ("2", "none", 1.0), ("3", "none", 5_000.0)):
        caller = Caller(caller_id, run_id, "", now)
        caller_rows.join(connection, caller, LIVING, now=now, joining=solving())

    caller_rows.forget_unopened(connection)

    assert ids(connection) == ["1", "3"]


def test_each_process_is_asked_for_once_in_a_look(connection: sqlite3.Connection) -> None:
    for n in range(5):
        caller = Caller(str(n), "r", "d", float(n))
        caller_rows.join(connection, caller, "8-b", now=1.0, joining=solving(since=9.0))
    asked = list[str]()

    def ask(owner: str, _since: float) -> bool:
        asked.append(owner)
        return False

    assert caller_rows.wanted(connection, ["r"], promises=False, lives=ask) == {"r": False}
    assert asked == ["8-b"]
