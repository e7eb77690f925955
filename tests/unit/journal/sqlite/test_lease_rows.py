"""Rows that say which process drives a run."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from atlas_mcp.atlas.summary import RunSummary
from atlas_mcp.errors import UnknownRun
from atlas_mcp.journal.base import Lease, LiveRequest
from atlas_mcp.journal.sqlite import lease_rows, run_rows
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow
from atlas_mcp.journal.sqlite.opening import connect

SUMMARY = RunSummary(1.0, 1.0, "running", "atlas", "How many?")


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    connection = connect(tmp_path / "file", busy_timeout=1)
    for run_id in ("a", "b"):
        run_rows.add(connection, run_id, SUMMARY, LeaseRow("us", 1, 10.0))
    yield connection
    connection.close()


def test_a_lease_that_was_taken_replaces_the_one_before(connection: sqlite3.Connection) -> None:
    lease_rows.request(connection, "a", LiveRequest("user", 3.0))
    lease_rows.take(connection, "a", LeaseRow("they", 2, 20.0))

    assert lease_rows.find(connection, "a") == LeaseRow("they", 2, 20.0)
    assert lease_rows.requests(connection, [Lease("a", 2)]) == {}


def test_only_leases_that_are_still_ours_are_renewed(connection: sqlite3.Connection) -> None:
    lease_rows.take(connection, "a", LeaseRow("they", 2, 20.0))
    held = [Lease("a", 1), Lease("b", 1), Lease("gone", 1)]

    lost = lease_rows.renew(connection, held, owner="us", until=30.0)

    assert lost == [Lease("a", 1), Lease("gone", 1)]
    assert lease_rows.find(connection, "a") == LeaseRow("they", 2, 20.0)
    assert lease_rows.find(connection, "b") == LeaseRow("us", 1, 30.0)


def test_only_leases_that_are_still_ours_are_given_back(connection: sqlite3.Connection) -> None:
    lease_rows.take(connection, "a", LeaseRow("they", 2, 20.0))

    lease_rows.give_back(connection, [Lease("a", 1), Lease("b", 1)], "us")

    assert lease_rows.find(connection, "a") == LeaseRow("they", 2, 20.0)
    assert lease_rows.find(connection, "b") == LeaseRow(None, 1, 10.0)


def test_a_run_that_is_not_there_has_no_lease(connection: sqlite3.Connection) -> None:
    assert lease_rows.find(connection, "none") is None
    for ask in (
        lambda: lease_rows.require(connection, "none"),
        lambda: lease_rows.request(connection, "none", LiveRequest("user")),
    ):
        with pytest.raises(UnknownRun):
            ask()


def test_a_damaged_lease_is_read_as_far_as_it_can_be(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE runs SET owner = 7, fence = 'x', lease_until = x'00'")

    assert lease_rows.find(connection, "a") == LeaseRow("7", 0, 0.0)


def test_requests_are_cleared_for_the_runs_for_which_they_are_given(
    connection: sqlite3.Connection,
) -> None:
    for run_id in ("a", "b"):
        lease_rows.request(connection, run_id, LiveRequest("client", 2.0))
    held_by_us, lost = Lease("a", 1), Lease("b", 0)

    taken = lease_rows.take_requests(connection, [held_by_us, lost])

    assert taken == {"a": LiveRequest("client", 2.0)}
    assert lease_rows.requests(connection, [held_by_us]) == {}
    assert lease_rows.requests(connection, [Lease("b", 1)]) == {"b": LiveRequest("client", 2.0)}


def test_a_damaged_request_is_one_of_a_user_without_grace(connection: sqlite3.Connection) -> None:
    for grace in ("soon", -1.0, 1e300):
        connection.execute("UPDATE runs SET stop_cause = 7, stop_grace = ?", (grace,))

        assert lease_rows.requests(connection, [Lease("a", 1)]) == {"a": LiveRequest("user")}
