"""The facts of a run, at each of its records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.events import OrchestratorReplied, Planned, SolverFinished, SolverReplied
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.messages import AssistantTurn
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.usage import Charge
from tests.support.played_runs import (
    a_run,
    answers,
    explores,
    failed,
    found,
    play,
    refined,
    remark,
)


def an_explore(**facts: Any) -> ExploreState:
    return ExploreState(Planned(1, Explore("s")), "prefetch", **facts)


REPLY = SolverReplied(1, AssistantTurn("42"), "end", "", Charge())


@pytest.mark.parametrize(
    ("explore", "where"),
    [
        (an_explore(), "waiting"),
        (an_explore(started_at=1.0), "in_flight"),
        (an_explore(started_at=1.0, finished_at=2.0, reply=REPLY), "unread"),
        (an_explore(started_at=1.0, finished_at=2.0, reply=REPLY, outcome=found()), "replied"),
        (an_explore(started_at=1.0, finished_at=2.0, outcome=failed("malformed")), "replied"),
        (an_explore(started_at=1.0, finished_at=2.0, outcome=failed("timeout")), None),
        (an_explore(skipped="no money"), None),
    ],
)
def test_an_explore_is_in_one_place_at_a_time(explore: ExploreState, where: str | None) -> None:
    places = [
        name for name in ("waiting", "in_flight", "unread", "replied") if getattr(explore, name)
    ]

    assert places == ([where] if where else [])


def test_every_explore_of_a_run_waits_runs_or_has_ended() -> None:
    run = play(a_run(prefetch=3, max_parallel=2), explores({}, {}), answers())

    for state in run.live:
        numbers = [one.id for part in (state.waiting, state.solvers_in_flight) for one in part]
        numbers += [one.id for one in (*state.done, *state.unread)]
        assert sorted(numbers) == sorted(state.explores)
        assert state.calls_in_flight == bool(state.open_calls)
        assert set(state.open_calls) == set(state.ledger.held)


def test_explores_left_never_fall_below_none() -> None:
    run = play(a_run(prefetch=2, max_explores=3), explores({}, {}, {}), answers())

    assert run.live[0].explores_left == 3
    assert run.state.explores_left == 0
    assert run.state.used_explores == 3


def test_explores_are_told_by_number_and_by_the_order_of_their_ends() -> None:
    run = play(a_run(prefetch=3), answers(), pick=lambda count: count - 1)

    assert [one.id for one in run.state.done] == [1, 2, 3]
    assert [one.id for one in run.state.ended] == [3, 2, 1]
    assert [one.ended_seq for one in run.state.ended] == sorted(
        one.ended_seq or 0 for one in run.state.ended
    )


def test_votes_are_the_candidates_and_not_the_failures() -> None:
    run = play(
        a_run(prefetch=3),
        answers(),
        solve=lambda one: failed() if one.intent.explore_id == 2 else found(),
    )

    assert [vote.explore_id for vote in run.state.votes] == [1, 3]
    assert all(vote.candidate == found() for vote in run.state.votes)


def test_a_candidate_in_another_role_than_a_solvers_is_no_vote() -> None:
    state = refined(found("41"), remark(), found("42"), max_explores=3).state

    assert [one.id for one in state.candidates] == [1, 3]
    assert state.votes == ()


def test_results_count_as_shown_from_the_intent_of_the_turn_that_carries_them() -> None:
    run = play(a_run(), explores({}), answers())
    first = next(state for state in run.live if state.turns)

    assert (first.shown, run.state.shown) == ({1, 2}, {1, 2, 3})
    assert first.turn_in_flight


def test_a_turn_whose_call_failed_is_left_out_of_the_conversation() -> None:
    run = play(a_run(), explores({}), failed("unavailable"))

    assert len(run.state.turns) == 2
    assert run.state.history == (
        run.state.turns[0].asked.said,
        run.asks[1].request.turns[1],
    )


def test_the_money_of_a_run_is_that_of_its_solvers_and_its_orchestrator() -> None:
    state = play(a_run(), answers(), price=lambda hold: Decimal("0.01")).state

    assert (state.solver_charge.cost, state.orchestrator_charge.cost) == (
        Decimal("0.02"),
        Decimal("0.01"),
    )
    assert (state.charge.cost, state.cost_usd) == (Decimal("0.03"), Decimal("0.03"))
    assert state.usage == state.solver_charge.usage + state.orchestrator_charge.usage
    assert state.usage.requests == 3


def test_the_cost_of_a_run_with_an_unknown_price_is_unknown() -> None:
    assert play(a_run(), answers(), price=lambda hold: None).state.cost_usd is None


def test_a_call_has_one_name_in_the_ledger_from_its_intent_to_its_end() -> None:
    run = play(a_run(), explores({}), answers())
    names = [call_key(call.intent) for call in run.calls]

    assert len(set(names)) == len(names)
    ends = [
        call_key(record.event)
        for record in run.records
        if isinstance(record.event, SolverFinished | OrchestratorReplied)
    ]
    assert sorted(ends) == sorted(names)
    assert call_key(REPLY) == "solver-1"
