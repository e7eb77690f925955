from __future__ import annotations

from collections.abc import Callable

import pytest

from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import ExploringClosed
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.workflows.majority import Majority
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import (
    a_model,
    a_run,
    a_solver,
    failed,
    found,
    in_turn,
    play,
    words_of,
)


def votes(*answers: str | None) -> Callable[[RunSolver], Outcome]:
    """Return solvers of which each gives the next answer; `None` fails."""
    return in_turn(*(failed() if one is None else found(one) for one in answers))


def test_most_votes_win_and_no_orchestrator_is_asked() -> None:
    run = play(a_run(workflow="majority", max_explores=5), solve=votes("4", "5", "4", None, "4"))

    assert run.order == "sssss"
    assert (run.end.status, run.end.stop_reason, run.end.answer) == ("answered", "decided", "4")
    assert run.end.confidence is None, "a share of votes is no probability"
    assert run.end.explanation == (
        "3 of 4 independent candidates give this answer. The first argues: So."
    )


def test_all_solvers_are_asked_the_same_over_the_pool_votes() -> None:
    run = play(a_run(a_solver("a"), a_solver("b"), workflow="majority", max_explores=4))

    assert [call.explore.solver for call in run.solves] == ["a", "b", "a", "b"]
    assert {call.explore.strategy for call in run.solves} == {"direct"}
    assert len({words_of(call.request) for call in run.solves}) == 1


def test_of_tied_answers_the_one_that_more_solvers_give_is_taken() -> None:
    run = play(
        a_run(a_solver("a"), a_solver("b"), workflow="majority", max_explores=4),
        solve=votes("4", "5", "4", "5"),
    )
    assert run.end.answer == "4", "each answer comes from one solver; this one came first"
    assert run.end.warning == (
        "The most common answers are tied; the one whose candidate came first was taken."
    )

    run = play(
        a_run(a_solver("a"), a_solver("b"), workflow="majority", max_explores=6),
        solve=votes("4", "3", "4", "5", "5", "2"),
    )
    assert run.end.answer == "5", "both solvers give it"
    assert run.end.warning == (
        "The most common answers are tied; the one that more solvers give was taken."
    )


def test_without_a_tie_there_is_nothing_to_tell() -> None:
    run = play(a_run(workflow="majority", max_explores=3), solve=votes("4", "5", "5"))

    assert (run.end.answer, run.end.warning) == ("5", None)


def test_votes_that_the_time_kept_away_are_the_reason_of_the_end() -> None:
    run = play(
        a_run(workflow="majority", max_explores=8, max_parallel=1),
        meanwhile=lambda state: (
            ExploringClosed() if len(state.done) == 2 and not state.exploring_closed else None
        ),
    )

    assert len(run.solves) == 2
    assert (run.end.status, run.end.stop_reason) == ("answered", "deadline")


def test_no_vote_at_all_is_no_answer() -> None:
    run = play(a_run(workflow="majority", max_explores=2), solve=votes(None, None))

    assert (run.end.status, run.end.stop_reason) == ("failed", "no_candidates")


def test_the_cap_bounds_the_votes() -> None:
    dear = a_solver(spec=a_model("maker/s", price=("1", "10"), max_tokens=10_000))
    run = play(
        a_run(dear, workflow="majority", max_explores=8, max_cost_usd="0.25"),
        price=lambda hold: hold,
    )

    assert 0 < len(run.solves) < 8
    assert (run.end.status, run.end.stop_reason) == ("answered", "max_cost")


@pytest.mark.parametrize("option", ["0", "-1", "x", "", "101", "1.5", "²"])
def test_a_number_of_votes_that_is_none_is_refused(option: str) -> None:
    with pytest.raises(InvalidInput, match=r"takes a whole number from 1 to 100"):
        Majority.with_option(option)
