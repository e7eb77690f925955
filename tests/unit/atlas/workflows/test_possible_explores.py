"""Explores that can still be had: by quota, by money, by eyes, by an endpoint that answers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.explore import Explore, Outcome
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.workflows.floor import plan
from atlas_mcp.atlas.workflows.possible_explores import (
    has_gone_silent,
    next_id,
    reaches,
    solvers_with_quota,
    usable,
)
from tests.support.played_runs import a_model, a_solver, failed, found, opened, with_outcomes

A, B, C = (a_solver(name) for name in "abc")


def test_plans_end_where_quotas_do() -> None:
    tight = opened(a_solver("a", quota=1), a_solver("b", quota=2))

    event = plan(tight, "prefetch", 9)

    assert sorted(one.explore.solver for one in event.planned) == ["a", "b", "b"]
    assert solvers_with_quota(tight, event.planned) == []


def test_numbers_go_on_after_those_that_exist() -> None:
    state = with_outcomes(opened(A), ("a", found()), ("a", found()))

    assert next_id(state, ()) == 3
    assert [one.explore_id for one in plan(state, "floor", 2).planned] == [3, 4]


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
