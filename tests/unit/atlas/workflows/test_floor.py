"""The evidence that an answer of the ATLAS loop needs, and the explores that are planned for it."""

from __future__ import annotations

from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.atlas.workflows.floor import floor_explores, missing_evidence, plan
from tests.support.played_runs import a_solver, failed, found, opened, with_outcomes

A, B, C = (a_solver(name) for name in "abc")


def test_planned_explores_differ_in_strategy_and_take_solvers_in_turn() -> None:
    event = plan(opened(A, B), "prefetch", 4)

    explores = [one.explore for one in event.planned]
    assert [one.solver for one in explores] == ["a", "b", "a", "b"]
    assert [one.strategy for one in explores] == list(STRATEGIES[:4])
    assert [one.explore_id for one in event.planned] == [1, 2, 3, 4]


def test_a_floor_names_what_it_misses_and_plans_models_that_were_not_heard_first() -> None:
    state = with_outcomes(opened(A, B, C, effort="high"), ("a", found()), ("a", failed()))

    missing = missing_evidence(state)
    event = floor_explores(state, missing or "")

    assert missing == "1 of at least 2 candidates, 2 of at least 5 explores, 1 of at least 3 models"
    assert {one.explore.solver for one in event.planned[:2]} == {"b", "c"}
    assert len(event.planned) == 3
    assert missing in event.refused[0].text


def test_nothing_is_missing_once_the_floor_is_reached() -> None:
    assert missing_evidence(with_outcomes(opened(A), ("a", found()), ("a", found()))) is None
