from __future__ import annotations

import sqlite3
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.journal.sqlite.spending_rows import (
    DAYS_KEPT,
    MOST_UNITS,
    UNITS,
    committed,
    committed_by,
    release,
    reserve,
)
from atlas_mcp.journal.sqlite.tables import migrate

TODAY = "2026-11-28"
YESTERDAY = "2026-11-27"

usd = st.decimals(min_value=0, max_value=4, places=9)


def new_journal() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path(":memory:"))
    return connection


def known(journal: sqlite3.Connection) -> Decimal:
    usd = committed(journal, TODAY)
    assert usd is not None
    return usd


@pytest.fixture
def journal() -> Generator[sqlite3.Connection]:
    connection = new_journal()
    yield connection
    connection.close()


def test_what_runs_commit_adds_up_for_each_day(journal: sqlite3.Connection) -> None:
    for run_id, day, dollars in [("a", TODAY, "1.5"), ("b", TODAY, "2"), ("a", YESTERDAY, "9")]:
        assert reserve(journal, run_id, day=day, usd=Decimal(dollars), cap=Decimal(10)) is None

    assert committed(journal, TODAY) == Decimal("3.5")
    assert committed(journal, YESTERDAY) == Decimal(9)
    assert committed(journal, "2026-11-29") == 0


def test_what_would_pass_the_cap_is_refused_with_what_is_left(journal: sqlite3.Connection) -> None:
    reserve(journal, "a", day=TODAY, usd=Decimal(4), cap=Decimal(5))

    assert reserve(journal, "b", day=TODAY, usd=Decimal("1.01"), cap=Decimal(5)) == Decimal(1)
    assert committed(journal, TODAY) == Decimal(4)
    assert reserve(journal, "b", day=TODAY, usd=Decimal(1), cap=Decimal(5)) is None
    assert reserve(journal, "b", day=TODAY, usd=Decimal(1), cap=Decimal(3)) == 0


def test_what_is_not_needed_is_given_back_newest_day_first(journal: sqlite3.Connection) -> None:
    reserve(journal, "a", day=YESTERDAY, usd=Decimal(2), cap=None)
    reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=None)
    reserve(journal, "b", day=TODAY, usd=Decimal(1), cap=None)

    release(journal, "a", day=None, usd=Decimal("1.5"))

    assert committed(journal, TODAY) == Decimal(1)
    assert committed(journal, YESTERDAY) == Decimal("1.5")
    assert committed_by(journal, "a") == Decimal("1.5")
    release(journal, "a", day=None, usd=Decimal(100))
    assert committed(journal, YESTERDAY) == 0


def test_what_was_held_on_a_day_is_given_back_to_it(journal: sqlite3.Connection) -> None:
    reserve(journal, "a", day=YESTERDAY, usd=Decimal(2), cap=None)
    reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=None)

    release(journal, "a", day=YESTERDAY, usd=Decimal("1.5"))

    assert committed(journal, TODAY) == Decimal(1)
    assert committed(journal, YESTERDAY) == Decimal("0.5")


def test_days_long_gone_are_forgotten(journal: sqlite3.Connection) -> None:
    for day in range(1, DAYS_KEPT + 4):
        reserve(journal, "a", day=f"2026-01-{day:02}", usd=Decimal(1), cap=None)

    rows = journal.execute("SELECT count(*), min(day) FROM spending").fetchone()
    assert rows == (DAYS_KEPT, "2026-01-04")


def test_a_reservation_is_no_more_work_for_what_was_spent_on_other_days(
    journal: sqlite3.Connection,
) -> None:
    def steps() -> int:
        taken: list[None] = []
        journal.set_progress_handler(lambda: taken.append(None), 1)
        reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=Decimal(100))
        journal.set_progress_handler(None, 1)
        return len(taken)

    reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=None)
    before = steps()
    rows = [(f"2026-11-{1 + n % 20:02}", f"run-{n}", 1) for n in range(2_000)]
    journal.executemany("INSERT INTO spending (day, run_id, units) VALUES (?,?,?)", rows)

    assert steps() == before


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), usd)), usd)
def test_no_order_of_reserving_and_releasing_passes_the_cap(
    steps: list[tuple[str, bool, Decimal]], cap: Decimal
) -> None:
    journal = new_journal()
    try:
        for run_id, gives_back, dollars in steps:
            before = known(journal)
            if gives_back:
                release(journal, run_id, day=None, usd=dollars)
                assert 0 <= known(journal) <= before
            else:
                left = reserve(journal, run_id, day=TODAY, usd=dollars, cap=cap)
                assert known(journal) >= before + (dollars if left is None else 0)
                assert left is None or (left < dollars and committed(journal, TODAY) == before)
            assert known(journal) <= cap
    finally:
        journal.close()


@pytest.mark.parametrize(
    "damaged", ["abc", b"\x00", 1.5, -1, -(2**63), MOST_UNITS + 1, 2**63 - 1, 9e999, "9" * 30]
)
def test_an_amount_that_cannot_be_read_leaves_nothing_of_the_cap(
    journal: sqlite3.Connection, damaged: object
) -> None:
    reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=Decimal(5))
    journal.execute("UPDATE spending SET units = ?", (damaged,))

    # Neither a count without a cap nor a release makes a known amount of it.
    reserve(journal, "a", day=TODAY, usd=Decimal(1), cap=None)
    release(journal, "a", day=None, usd=Decimal(1))

    assert reserve(journal, "b", day=TODAY, usd=Decimal("0.01"), cap=Decimal(5)) == 0
    assert committed(journal, TODAY) is None
    assert committed_by(journal, "a") is None
    assert reserve(journal, "b", day=YESTERDAY, usd=Decimal(5), cap=Decimal(5)) is None


@pytest.mark.parametrize("runs", [1, 2, 9])
def test_amounts_of_any_size_add_up(journal: sqlite3.Connection, runs: int) -> None:
    """Each of them is one; SQLite's own sum of them ends in an error."""
    for run in range(runs):
        reserve(journal, f"{run}", day=TODAY, usd=Decimal(10) ** 30, cap=None)
    total = Decimal(runs * MOST_UNITS) / UNITS

    assert committed(journal, TODAY) == total
    assert reserve(journal, "b", day=TODAY, usd=Decimal(1), cap=Decimal(5)) == 0
    assert committed(journal, TODAY) == total


def test_an_amount_that_grows_beyond_all_is_unknown(journal: sqlite3.Connection) -> None:
    for _ in range(3):
        reserve(journal, "a", day=TODAY, usd=Decimal(10) ** 30, cap=None)

    assert committed(journal, TODAY) is None
    assert journal.execute("SELECT units FROM spending").fetchall() == [(2 * MOST_UNITS,)]
