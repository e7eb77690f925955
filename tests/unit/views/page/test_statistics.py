"""The document of statistics."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.digest import Spent, Tried
from atlas_mcp.journal.search import EndCount, SpentInRuns, Statistics
from atlas_mcp.views.page.statistics import REMOVED, interval, shares, stats_document

TRIED = (
    Tried("sonnet", "direct", "high", 10, 1, 8, 6, Decimal("0.5"), 0),
    Tried("qwen", "direct", "", 4, 0, 4, 1, Decimal(0), 4),
    Tried("sonnet", "backwards", "", 2, 2, 0, 0, Decimal("0.1"), 0),
)
FOUND = Statistics(
    since=5.0,
    runs=4,
    unread=0,
    answered=3,
    answered_explores=10,
    priced=2,
    priced_usd=Decimal("0.5"),
    unpriced_runs=1,
    ends=(EndCount("answered", "decided", 3), EndCount("failed", "error", 1)),
    spent=(
        SpentInRuns(Spent("2026-11", "maker/m", "solver", 9, 100, 50, Decimal("0.4"), 0), 3),
        SpentInRuns(Spent("2026-11", "", "solver", 1, 1, 1, Decimal("0.1"), 2), 1),
    ),
    tried=TRIED,
)


def test_figures_are_added_up_and_means_are_of_what_is_known() -> None:
    document = stats_document(FOUND, 9.0)

    assert document.cost_usd == Decimal("0.5")
    assert (document.mean_cost_usd, document.mean_cost_of) == (Decimal("0.25"), 2)
    assert document.mean_explores == 3.33
    assert [row.model for row in document.months] == ["maker/m", "unknown"]
    assert document.note == REMOVED
    assert [(row.name, row.explores) for row in document.solvers] == [("sonnet", 12), ("qwen", 4)]
    assert [(row.name, row.explores) for row in document.strategies] == [
        ("direct", 14),
        ("backwards", 2),
    ]
    assert [row.name for row in document.efforts] == ["high", ""]


def test_without_runs_nothing_is_divided() -> None:
    empty = Statistics(None, 0, 7, 0, 0, 0, Decimal(0), 0, (), (), ())

    document = stats_document(empty, 9.0)

    assert (document.mean_cost_usd, document.mean_explores, document.since) == (None, None, None)
    assert document.note == f"{REMOVED} 7 runs were not read yet; ask again."


@pytest.mark.requirement("FIND-6")
def test_a_share_has_its_count_and_its_interval() -> None:
    [sonnet, qwen] = shares(TRIED, lambda one: one.solver)

    assert (sonnet.judged, sonnet.won, sonnet.share) == (8, 6, 0.75)
    assert (sonnet.low, sonnet.high) == (0.4093, 0.9285)
    assert (qwen.share, qwen.low, qwen.high) == (0.25, 0.0456, 0.6994)
    [none] = shares([replace(TRIED[2])], lambda one: one.effort)
    assert (none.share, none.low, none.high) == (None, None, None)


@pytest.mark.parametrize(("won", "judged"), [(0, 1), (1, 1), (0, 0), (500, 1000)])
def test_an_interval_holds_its_share(won: int, judged: int) -> None:
    low, high = interval(won, judged)

    assert 0 <= low < high <= 1


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_is_narrower_for_more_explores(case: tuple[int, int]) -> None:
    won, judged = case
    low, high = interval(won, judged)
    lower, higher = interval(10 * won, 10 * judged)

    assert low <= won / judged + 1e-9
    assert high >= won / judged - 1e-9
    assert higher - lower < high - low
