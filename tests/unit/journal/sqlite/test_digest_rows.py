"""The rows of digests: nothing that happens to them fails a change of the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.digest import DIGEST_VERSION, Digest, Spent, Texts, Tried, digest_of
from atlas_mcp.atlas.events import Record
from atlas_mcp.journal.sqlite import digest_rows
from atlas_mcp.journal.sqlite.digest_rows import ReadRun, State
from atlas_mcp.testing.journal_conformance import first_record

WHOLE = State(there=True, newer=False, words=True, damaged=False)


@pytest.fixture
def connection() -> Generator[sqlite3.Connection]:
    """Yield a file with one run and no digests, in a transaction."""
    found = sqlite3.connect(":memory:", isolation_level=None)
    found.execute("CREATE TABLE runs (run_id PRIMARY KEY, size_bytes, updated_at, opened_at)")
    found.execute("INSERT INTO runs VALUES ('r', 10, 1.0, 1.0)")
    found.execute("BEGIN")
    yield found
    found.close()


def made(connection: sqlite3.Connection, *, anew: bool = False) -> sqlite3.Connection:
    digest_rows.make(connection, anew=anew, words=True)
    return connection


def a_digest(problem: str = "How many primes?", at: float = 1.0) -> Digest:
    return digest_of("r", [first_record(problem, at)])


def kept(connection: sqlite3.Connection, digest: Digest | None = None) -> None:
    digest_rows.store(connection, [ReadRun("r", 10, 1.0, digest or a_digest())])


def gone(connection: sqlite3.Connection) -> None:
    """Remove the run as a journal does, then its digest."""
    connection.execute("DELETE FROM runs")
    digest_rows.note_change(connection, "r")
    digest_rows.store(connection, [ReadRun("r", 0, 0.0, None)])


def found(connection: sqlite3.Connection, word: str) -> list[int]:
    asked = "SELECT rowid FROM digest_words WHERE digest_words MATCH ?"
    return [number for (number,) in connection.execute(asked, (word,))]


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in digest_rows.TABLES[:4]
    }


def test_without_digests_a_change_is_not_noted(connection: sqlite3.Connection) -> None:
    digest_rows.note_change(connection, "r")

    assert digest_rows.state_of(connection) == State()
    assert connection.in_transaction


def test_the_tables_are_made_once(connection: sqlite3.Connection) -> None:
    made(connection)
    kept(connection)
    made(connection)

    assert digest_rows.state_of(connection) == WHOLE
    assert found(connection, "primes") == [1]


def test_a_digest_is_replaced_under_its_number(connection: sqlite3.Connection) -> None:
    made(connection)
    kept(connection)
    kept(connection, a_digest("Which river?"))

    assert found(connection, "river") == [1]
    assert found(connection, "primes") == []
    assert counts(connection)["digests"] == 1


def test_a_run_that_changed_meanwhile_keeps_its_note(connection: sqlite3.Connection) -> None:
    made(connection)
    digest_rows.note_change(connection, "r")
    digest_rows.store(connection, [ReadRun("r", 9, 1.0, a_digest())])

    assert digest_rows.noted(connection) == digest_rows.stale(connection) == ["r"]
    assert counts(connection)["digests"] == 0
    kept(connection)
    assert digest_rows.noted(connection) == digest_rows.stale(connection) == []


def test_what_an_older_program_wrote_or_removed_is_noticed(connection: sqlite3.Connection) -> None:
    made(connection)
    kept(connection)
    connection.execute("UPDATE runs SET size_bytes = 11, updated_at = 2.0")
    connection.execute("INSERT INTO runs VALUES ('older', 5, 0.5, 0.5)")
    assert digest_rows.stale(connection) == ["older", "r"]

    connection.execute("DELETE FROM runs")
    assert digest_rows.stale(connection) == ["r"]
    digest_rows.store(connection, [ReadRun("r", 0, 0.0, None)])
    assert set(counts(connection).values()) == {0}
    assert found(connection, "primes") == []


def test_nothing_of_a_removed_run_is_left(connection: sqlite3.Connection) -> None:
    made(connection)
    spent = Spent("2026-11", "maker/m", "solver", 1, 2, 3, Decimal(1), 0)
    tried = Tried("s", "direct", "", 1, 0, 1, 1, Decimal(1), 0)
    kept(connection, replace(a_digest(), spent=(spent,), tried=(tried,)))
    assert set(counts(connection).values()) == {1}

    gone(connection)

    assert set(counts(connection).values()) == {0}
    assert found(connection, "primes") == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM digest_words_data",
        "UPDATE digest_words_data SET block = zeroblob(50)",
        "DROP TABLE digest_words_data",
        "DROP TABLE digest_words_config",
        "DROP TABLE digest_words",
        "DROP TABLE digest_texts",
        "DROP TABLE digest_spending",
        "DROP TABLE digest_changes",
        "DROP TABLE digests",
        "DROP TABLE digest_state",
        "UPDATE digest_state SET value = 'x'",
    ],
)
def test_damaged_digests_fail_no_change_and_can_be_made_anew(
    connection: sqlite3.Connection, damage: str
) -> None:
    made(connection)
    kept(connection)
    connection.execute(damage)

    digest_rows.note_change(connection, "r")
    made(connection, anew=True)
    kept(connection)

    assert connection.in_transaction
    assert digest_rows.state_of(connection) == WHOLE
    assert found(connection, "primes") == [1]


def test_an_index_that_cannot_be_opened_is_thrown_away(tmp_path: object) -> None:
    name = f"{tmp_path}/file"
    with opened(name) as first:
        first.execute("CREATE TABLE runs (run_id PRIMARY KEY, size_bytes, updated_at, opened_at)")
        first.execute("INSERT INTO runs VALUES ('r', 10, 1.0, 1.0)")
        kept(made(first))
        first.execute("DROP TABLE digest_words_config")
        first.execute("DROP TABLE digest_words_docsize")
    with opened(name) as second:
        digest_rows.note_change(second, "r")
        kept(made(second, anew=True))
    with opened(name) as third:
        assert found(third, "primes") == [1]
        assert third.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@contextmanager
def opened(name: str) -> Generator[sqlite3.Connection]:
    """Open a file for the length of a block, in a transaction."""
    connection = sqlite3.connect(name, isolation_level=None)
    connection.execute("BEGIN")
    yield connection
    connection.execute("COMMIT")
    connection.close()


def test_a_full_disk_is_not_taken_for_damage(connection: sqlite3.Connection) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"

    assert not digest_rows.is_damage(error)
    assert digest_rows.is_damage(sqlite3.OperationalError("Could not decode to UTF-8"))


def test_the_tables_of_another_version_are_known_as_that(connection: sqlite3.Connection) -> None:
    made(connection)
    connection.execute("UPDATE digest_state SET value = ?", (DIGEST_VERSION + 1,))
    newer = digest_rows.state_of(connection)
    connection.execute("UPDATE digest_state SET value = ?", (DIGEST_VERSION - 1,))
    older = digest_rows.state_of(connection)

    assert (newer.there, newer.newer, newer.damaged) == (False, True, False)
    assert (older.there, older.newer, older.damaged) == (False, False, True)


def test_numbers_and_texts_that_no_column_takes_are_stored_all_the_same(
    connection: sqlite3.Connection,
) -> None:
    made(connection)
    texts = Texts("\ud800 primes \0 more", "", "", "")
    spent = Spent("2026-11", "\udfff", "solver", 2**70, 1, 1, Decimal(10) ** 30, 0)
    kept(connection, replace(a_digest(), texts=texts, spent=(spent,)))

    assert found(connection, "more") == [1]
    [units] = connection.execute("SELECT units FROM digest_spending").fetchone()
    assert digest_rows.dollars(units) > 4 * 10**9
    assert digest_rows.dollars("x") == 0


def test_amounts_are_kept_to_the_billionth() -> None:
    assert digest_rows.dollars(digest_rows.units_of(Decimal("0.123456789"))) == Decimal(
        "0.123456789"
    )
    assert digest_rows.units_of(Decimal(-1)) == 0


def test_this_build_can_keep_an_index(connection: sqlite3.Connection) -> None:
    assert digest_rows.can_index(connection)


def test_records_of_one_run_are_one_digest() -> None:
    assert digest_of("r", [Record(1, 1.0, first_record().event)]).title == "How many?"


def test_an_index_that_lost_its_words_without_an_error_is_noticed(
    connection: sqlite3.Connection,
) -> None:
    made(connection)
    assert digest_rows.finds_itself(connection)
    kept(connection)
    assert digest_rows.finds_itself(connection)
    connection.execute("COMMIT")

    connection.execute("UPDATE digest_words_data SET block = zeroblob(50)")

    assert not digest_rows.finds_itself(connection)
