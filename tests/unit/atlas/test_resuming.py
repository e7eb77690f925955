"""The records that resume a run or end it. Sources: the contract; docs/design/005."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.budget import MAX_COST_CEILING_USD
from atlas_mcp.atlas.events import (
    ExploresPlanned,
    Planned,
    Record,
    RunOpened,
    RunResumed,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import (
    LargerLimits,
    abandonment,
    lost_calls,
    resumable_under,
    resumption,
)
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import (
    Played,
    Saying,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    gives_up,
    play,
)
from tests.support.stopped_runs import DIRECT, cancelled_by_the_user, resumed, upto

# Calls that were in flight


def test_nothing_is_lost_where_no_call_was_open() -> None:
    records = upto(play(a_run(), answers()), ExploresPlanned)

    assert lost_calls(RunState.fold(records)) == ()
    assert [type(event) for event in resumption(RunState.fold(records))] == [RunResumed]


# Limits


def test_a_run_with_its_answer_resumes_to_nothing_unless_a_limit_is_raised() -> None:
    state = play(a_run(), answers()).state
    budget = state.budget

    same: list[dict[str, Any]] = [
        {},
        {"max_explores": budget.max_explores},
        {"max_cost_usd": budget.max_cost_usd},
        {"max_explores": budget.max_explores, "max_cost_usd": Decimal("5.00")},
    ]
    for limits in same:
        assert resumption(state, **limits) == ()
    assert resumption(state, max_explores=budget.max_explores + 1) != ()
    assert resumption(state, max_cost_usd=Decimal("5.01")) != ()


@pytest.mark.parametrize("reply", [gives_up(), answers(None)])
def test_no_supported_answer_is_an_answer_in_this(reply: Any) -> None:
    state = play(a_run(), reply).state

    assert state.finished is not None
    assert state.finished.stop_reason == "no_supported_answer"
    assert resumption(state) == ()
    assert resumption(state, max_explores=20) != ()


def at_its_cap(*sayings: Saying) -> Played:
    """Return a run whose cap paid for one explore and a turn of the orchestrator."""
    return play(a_run(max_cost_usd="0.30"), *sayings, price=lambda hold: hold)


def test_a_run_that_ended_at_its_cap_needs_a_larger_one() -> None:
    run = at_its_cap(explores(DIRECT))
    assert (run.end.status, run.end.stop_reason) == ("failed", "max_cost")

    limits: list[dict[str, Any]] = [{}, {"max_explores": 20}, {"max_cost_usd": Decimal("0.30")}]
    for limit in limits:
        with pytest.raises(InvalidInput, match=r"cap of \$0\.30") as caught:
            resumption(run.state, **limit)
        assert caught.value.argument == "max_cost_usd"

    on = play(a_run(), go_on_from=resumed(run.records, max_cost_usd=Decimal(5)))
    assert on.end.status == "answered"
    assert on.state.cost_usd is not None
    assert Decimal("0.30") < on.state.cost_usd < 5


def test_an_answer_at_the_cap_needs_a_larger_one_for_another() -> None:
    run = at_its_cap(answers())
    assert (run.end.status, run.end.stop_reason) == ("answered", "max_cost")

    with pytest.raises(InvalidInput, match=r"cap of \$0\.30"):
        resumption(run.state, max_explores=20)
    assert resumption(run.state) == ()
    assert resumption(run.state, max_cost_usd=Decimal(5)) != ()


def test_an_answer_at_the_ceiling_needs_a_higher_one() -> None:
    run = play(a_run(max_explores=2), answers())
    assert (run.end.status, run.end.stop_reason) == ("answered", "max_explores")

    with pytest.raises(InvalidInput, match="ceiling of 2") as caught:
        resumption(run.state, max_cost_usd=Decimal(50))
    assert caught.value.argument == "max_explores"
    assert resumption(run.state, max_explores=3) != ()


@pytest.mark.parametrize(
    ("limits", "argument"),
    [
        ({"max_explores": 7}, "max_explores"),
        ({"max_explores": 0}, "max_explores"),
        ({"max_explores": 101}, "max_explores"),
        ({"max_cost_usd": Decimal("4.99")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal(0)}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("NaN")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("Infinity")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal(10**9 + 1)}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("1e308")}, "max_cost_usd"),
    ],
)
@pytest.mark.requirement("MONEY-12")
def test_limits_can_only_be_raised(limits: dict[str, Any], argument: str) -> None:
    for state in (play(a_run(), answers()).state, RunState.fold(cancelled_by_the_user())):
        with pytest.raises(InvalidInput) as caught:
            resumption(state, **limits)
        assert caught.value.argument == argument


def test_a_run_without_a_cap_is_given_none() -> None:
    state = play(a_run(max_cost_usd=None), failed("unavailable"), solve=lambda one: failed()).state

    with pytest.raises(InvalidInput, match="without a cap"):
        resumption(state, max_cost_usd=Decimal(100))
    assert resumption(state) != ()


def test_raised_limits_are_in_force_and_told() -> None:
    run = play(a_run(), answers())

    on = play(a_run(), go_on_from=resumed(run.records, max_explores=11, max_cost_usd=Decimal(9)))

    budget = on.state.budget
    assert (budget.max_explores, budget.max_cost_usd) == (11, 9)
    assert on.state.ledger.limit == 9
    assert "2 of 11 used, 9 left" in on.told(1)
    assert "of $9.00" in on.told(1)


# Ending an interrupted run


def test_a_run_that_nobody_wants_ends_as_cancelled_and_can_still_be_resumed() -> None:
    records = upto(play(a_run(), answers("5")), SolverStarted, nth=2)

    ended = followed_by(records, *abandonment(RunState.fold(records)))

    state = RunState.fold(ended)
    assert state.finished is not None
    assert (state.finished.status, state.finished.stop_reason) == ("cancelled", "cancelled")
    assert (state.calls_in_flight, state.ledger.held) == (False, {})
    assert state.ledger.uncertain > 0
    assert next_commands(state) == ()
    assert abandonment(state) == ()
    assert play(a_run(), answers("5"), go_on_from=resumed(ended)).end.answer == "5"


# Explores of a client


def test_explores_of_a_client_are_resumed_without_an_orchestrator() -> None:
    spec = a_run(workflow="explore", prefetch=0)
    planned = ExploresPlanned("client", tuple(Planned(n, Explore("s")) for n in (1, 2, 3)))
    opened = followed_by([Record(1, 0.0, RunOpened(Problem("How many?"), spec))], planned)
    kinds = {1: found(), 2: failed("malformed"), 3: failed("unavailable")}
    run = play(spec, go_on_from=opened, solve=lambda one: kinds[one.intent.explore_id])

    assert resumption(run.state) == ()
    on = play(spec, go_on_from=resumed(run.records, max_explores=9))
    again = play(spec, go_on_from=resumed(upto(run, SolverFinished)))

    assert [one.intent.explore_id for one in on.solves] == [3]
    assert [one.intent.explore_id for one in again.solves] == [2, 3]
    for ended in (on, again):
        assert (ended.end.status, ended.end.answer, ended.asks) == ("answered", None, [])


def limits_of(run: Played) -> LargerLimits:
    limits = resumable_under(run.state)
    assert limits is not None
    return limits


def test_the_limits_under_which_a_run_can_go_on_are_taken() -> None:
    """What is suggested and what is refused follow from one rule."""
    capped = play(a_run(max_cost_usd="0.9"), explores({}), answers(), price=lambda hold: hold)
    for run in (play(a_run(), answers()), play(a_run(max_explores=2), answers()), capped):
        assert resumption(run.state, **limits_of(run)._asdict())

    assert limits_of(capped) == LargerLimits(max_cost_usd=Decimal("1.8"))


def test_a_run_whose_cap_cannot_be_raised_goes_on_under_no_limits() -> None:
    capped = play(a_run(max_cost_usd="0.9"), explores({}), answers(), price=lambda hold: hold)
    budget = replace(capped.state.budget, max_cost_usd=MAX_COST_CEILING_USD)

    spec = replace(capped.state.spec, budget=budget)
    assert resumable_under(replace(capped.state, spec=spec)) is None
