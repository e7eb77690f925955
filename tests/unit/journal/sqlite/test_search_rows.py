"""Queries over digests: the index and the scan agree, and damaged values are read as nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.atlas.digest import digest_of
from atlas_mcp.atlas.summary import summarize
from atlas_mcp.journal.sqlite import digest_rows, run_rows, search_rows
from atlas_mcp.journal.sqlite.digest_rows import ReadRun
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow
from atlas_mcp.journal.sqlite.tables import migrate
from atlas_mcp.journal.words import phrases_of
from atlas_mcp.testing.journal_conformance import first_record


@pytest.fixture
def connection() -> Generator[sqlite3.Connection]:
    """Yield a file with 30 runs, all with digests."""
    found = sqlite3.connect(":memory:", isolation_level=None)
    migrate(found, Path(":memory:"))
    digest_rows.make(found, anew=False, words=True)
    for number in range(30):
        record = first_record(f"Question {number} of primes and rivers", float(number))
        run_id = f"r{number:02}"
        run_rows.add(found, run_id, summarize(None, [record]), LeaseRow(None, 1, 0.0))
        digest = digest_of(run_id, [record])
        digest_rows.store(found, [ReadRun(run_id, 0, float(number), digest)])
    yield found
    found.close()


def is_live(owner: str | None, until: float) -> bool:
    return False


def ids(matches: search_rows.Matches) -> list[str]:
    return [one.run.run_id for one in matches.runs]


@pytest.mark.parametrize("text", ["primes", "question 7", "7", "primes riv", "nothing", "maker"])
@pytest.mark.parametrize(("limit", "offset"), [(50, 0), (7, 5)])
def test_the_index_and_a_scan_find_the_same(
    connection: sqlite3.Connection, text: str, limit: int, offset: int
) -> None:
    phrases = phrases_of(text)

    indexed = search_rows.matching(connection, phrases, limit, offset, is_live)
    scanned = search_rows.scanned(connection, phrases, limit, offset, is_live, digests=True)

    assert indexed == scanned


def test_without_digests_titles_and_ids_are_looked_through(connection: sqlite3.Connection) -> None:
    def scanned(text: str) -> list[str]:
        phrases = phrases_of(text)
        return ids(search_rows.scanned(connection, phrases, 3, 0, is_live, digests=False))

    assert scanned("question") == ["r29", "r28", "r27"]
    assert scanned("r07") == scanned("question 7") == ["r07"]


def test_more_matches_than_are_ranked_are_all_counted_and_paged(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_rows, "RANKED", 10)

    pages = [
        search_rows.matching(connection, phrases_of("primes"), 8, offset, is_live)
        for offset in range(0, 32, 8)
    ]

    assert [page.total for page in pages] == [30] * 4
    assert [run_id for page in pages for run_id in ids(page)] == [
        f"r{number:02}" for number in reversed(range(30))
    ]


def test_a_search_of_many_words_has_the_newest_first(connection: sqlite3.Connection) -> None:
    phrases = phrases_of("question of primes and rivers")

    found = search_rows.matching(connection, phrases, 2, 0, is_live)

    assert len(phrases) > search_rows.RANKED_PHRASES
    assert (ids(found), found.total) == (["r29", "r28"], 30)


def test_a_run_that_is_gone_is_left_out(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM runs WHERE run_id = 'r07'")

    assert ids(search_rows.matching(connection, phrases_of("question 7"), 9, 0, is_live)) == []


def test_damaged_values_are_read_as_nothing(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE digests SET ended_at = 'x', stop_reason = 7, explores = 'x', units = 'x', "
        "confidence = 'x', models = X'FF', answer = X'FF41' WHERE run_id = 'r29'"
    )
    connection.execute("UPDATE digest_texts SET problem = NULL, names = X'FF' WHERE id = 30")

    [run] = search_rows.newest(connection, 1, 0, is_live, digests=True).runs
    [found] = search_rows.matching(connection, phrases_of("question 29"), 1, 0, is_live).runs

    assert run.outline is not None
    assert (run.outline.stop_reason, run.outline.models, run.outline.explores) == (None, (), 0)
    assert (run.outline.cost_usd, run.outline.ended_at) == (Decimal(0), None)
    assert run.outline.answer == "�A"
    assert found.run.run_id == "r29"


def test_runs_without_a_digest_are_listed_without_an_outline(
    connection: sqlite3.Connection,
) -> None:
    connection.execute("DELETE FROM digests WHERE run_id = 'r29'")

    with_digests = search_rows.newest(connection, 2, 0, is_live, digests=True)
    without = search_rows.newest(connection, 2, 0, is_live, digests=False)

    assert [one.outline is None for one in with_digests.runs] == [True, False]
    assert [one.outline is None for one in without.runs] == [True, True]
    assert with_digests.total == without.total == 30


def test_statistics_of_nothing_are_zero(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM digests")
    connection.execute("DELETE FROM digest_tries")

    found = search_rows.statistics(connection, 30, is_live)

    assert (found.runs, found.unread, found.priced_usd, found.since) == (0, 30, Decimal(0), None)
