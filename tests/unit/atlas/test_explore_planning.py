"""Explores that can still be had, and those that the core plans itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import STRATEGIES, Explore, Outcome
from atlas_mcp.atlas.explore_planning import (
    floor_explores,
    has_gone_silent,
    missing_evidence,
    next_id,
    plan,
    reaches,
    solvers_with_quota,
    usable,
)
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Charge
from tests.support.played_runs import a_model, a_run, a_solver, failed, followed_by, found


def opened(*solvers: SolverSpec, problem: Problem | None = None, **settings: Any) -> RunState:
    spec = a_run(*solvers, **settings)
    return RunState.fold([Record(1, 0.0, RunOpened(problem or Problem("How many?"), spec))])


def with_outcomes(state: RunState, *outcomes: tuple[str, Outcome]) -> RunState:
    """Return a run with an ended explore for each solver and outcome."""
    plans = tuple(Planned(n, Explore(name)) for n, (name, _) in enumerate(outcomes, 1))
    events: list[Event] = [ExploresPlanned("prefetch", plans)]
    for number, (_, outcome) in enumerate(outcomes, 1):
        events += [SolverStarted(number, Decimal(0)), SolverFinished(number, outcome, Charge())]
    first = Record(1, 0.0, RunOpened(state.problem, state.spec))
    return RunState.fold(followed_by([first], *events))


A, B, C = (a_solver(name) for name in "abc")


def test_planned_explores_differ_in_strategy_and_take_solvers_in_turn() -> None:
    event = plan(opened(A, B), "prefetch", 4)

    explores = [one.explore for one in event.planned]
    assert [one.solver for one in explores] == ["a", "b", "a", "b"]
    assert [one.strategy for one in explores] == list(STRATEGIES[:4])
    assert [one.explore_id for one in event.planned] == [1, 2, 3, 4]


def test_plans_end_where_quotas_do() -> None:
    tight = opened(a_solver("a", quota=1), a_solver("b", quota=2))

    event = plan(tight, "prefetch", 9)

    assert sorted(one.explore.solver for one in event.planned) == ["a", "b", "b"]
    assert solvers_with_quota(tight, event.planned) == []


def test_numbers_go_on_after_those_that_exist() -> None:
    state = with_outcomes(opened(A), ("a", found()), ("a", found()))

    assert next_id(state, ()) == 3
    assert [one.explore_id for one in plan(state, "floor", 2).planned] == [3, 4]


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


@pytest.mark.parametrize(
    ("of_a", "silent_now"),
    [
        ((found(), failed("unavailable")), False),
        ((failed("unavailable"), failed("rejected")), True),
        ((failed("timeout"), failed("timeout")), False),
    ],
    ids=["once", "twice", "it answers late"],
)
def test_a_solver_that_stopped_answering_is_left_out_while_another_answers(
    of_a: tuple[Outcome, ...],
    silent_now: bool,
) -> None:
    state = with_outcomes(opened(A, B), *(("a", one) for one in of_a))

    assert has_gone_silent(state, "a") is silent_now
    assert usable(state) == (["b"] if silent_now else ["a", "b"])


def test_where_no_solver_answers_all_are_usable() -> None:
    down = failed("unavailable")
    state = with_outcomes(opened(A, B), ("a", down), ("a", down), ("b", down), ("b", down))

    assert usable(state) == ["a", "b"]


def test_a_solver_without_eyes_gets_no_explore_of_a_picture() -> None:
    shown = Problem("What?", (Image(url="https://a.example/b"),))
    sees = a_solver("sees", spec=a_model("maker/sees", images=True))

    assert solvers_with_quota(opened(A, sees, problem=shown)) == ["sees"]


def test_an_explore_is_within_reach_while_the_money_covers_it_and_the_synthesis() -> None:
    dear = a_solver("dear", spec=a_model("maker/dear", price=("500", "2500")))
    cheap = a_solver("cheap", spec=a_model("maker/cheap", price=("0.1", "0.1")))

    state = opened(dear, cheap, max_cost_usd="1")

    assert [reaches(state, Explore(name)) for name in ("dear", "cheap")] == [False, True]
    assert usable(state) == ["cheap"]
    assert reaches(opened(dear, max_cost_usd=None), Explore("dear"))
