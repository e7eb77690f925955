"""The stop of a run that is still carried out is taken back: its calls in flight go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.calls import NoReply, conclude, next_attempt
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import (
    AttemptFailed,
    DayCapReached,
    Event,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    OrchestratorAsked,
    OrchestratorFailed,
    Record,
    RunOpened,
    RunResumed,
    SolverFinished,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import FailureKind, SolverFailure
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import lifting
from atlas_mcp.atlas.run_facts import UNANSWERED
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import can_be_lifted
from atlas_mcp.atlas.usage import Charge
from atlas_mcp.errors import InvalidInput
from tests.support.drawing import draws
from tests.support.drawn_runs import OUTCOMES, SAYINGS, cycled, specs
from tests.support.played_runs import Played, a_run, answers, failed, followed_by, play
from tests.support.stopped_runs import solves, upto

STOP = StopRequested("client")
LIFT = RunResumed("", lifts=True)


def stopped(*events: Event) -> list[Record]:
    """Return a run of two explores, both in flight, that its client stopped, and then events."""
    return followed_by(upto(play(a_run(), answers()), SolverStarted, nth=2), STOP, *events)


def folded(records: Sequence[Record], *events: Event) -> RunState:
    return RunState.fold(followed_by(records, *events))


def ended(number: int, kind: FailureKind) -> SolverFinished:
    return SolverFinished(number, failed(kind), Charge())


def without_place(state: RunState) -> RunState:
    return replace(state, seq=0, at=0.0)


def test_only_the_stop_of_a_client_is_lifted_and_only_before_the_end() -> None:
    going = RunState.fold(stopped()[:-1])
    assert not can_be_lifted(going)
    assert can_be_lifted(RunState.fold(stopped()))
    for cause in ("user", "shutdown"):
        assert not can_be_lifted(replace(going, stop_cause=cause))
    over = play(a_run(), answers()).state
    assert over.finished is not None
    assert not can_be_lifted(over)


def test_calls_in_flight_stay_in_flight_with_their_holds_and_their_time() -> None:
    before = RunState.fold(stopped()[:-1])

    after = folded(stopped(), lifting(before))

    assert len(after.solvers_in_flight) == len(after.ledger.held) == 2
    assert without_place(after) == without_place(before)


def test_a_turn_in_flight_stays_in_flight() -> None:
    records = upto(play(a_run()), OrchestratorAsked)
    assert folded(records, STOP, LIFT).turn_in_flight


@pytest.mark.parametrize("kind", sorted(UNANSWERED))
def test_calls_that_gave_no_reply_since_the_stop_are_made_again(kind: FailureKind) -> None:
    records = stopped(ended(2, kind), LIFT)
    assert solves(records) == [2]


def test_calls_that_failed_before_the_stop_are_not_made_again() -> None:
    records = upto(play(a_run(), answers()), SolverStarted, nth=2)
    records = followed_by(records, ended(2, "timeout"), STOP, ended(1, "cancelled"), LIFT)
    assert solves(records) == [1]


def test_a_turn_that_was_cut_off_is_asked_again() -> None:
    records = upto(play(a_run()), OrchestratorAsked)
    cut = OrchestratorFailed(1, failed("cancelled"), Charge())
    state = folded(records, STOP, cut, LIFT)
    assert state.turns == ()
    assert len(next_commands(state)) == 1


def test_a_run_with_losses_keeps_its_conversation_and_its_calls() -> None:
    """Its reader has dealt with the losses; the calls in flight are of this process."""
    state = replace(RunState.fold(stopped()), lost=1)
    lifted = state.apply(Record(state.seq + 1, state.at, LIFT))
    assert lifted.open_calls == state.open_calls
    assert lifted.turns == state.turns


def test_time_for_exploring_that_was_up_stays_so_and_none_counts_as_idle() -> None:
    records = stopped(ExploringClosed())
    before = RunState.fold(records)

    after = RunState.fold(followed_by(records, LIFT, at=records[-1].at + 1_000))

    assert after.exploring_closed
    assert (after.idle_s, after.calls_began_at) == (before.idle_s, before.calls_began_at)


# Limits


def test_limits_are_raised_with_the_lift_and_never_lowered() -> None:
    state = RunState.fold(stopped())
    event = lifting(state, max_explores=11, max_cost_usd=Decimal(9))

    lifted = folded(stopped(), event)

    assert (lifted.budget.max_explores, lifted.budget.max_cost_usd) == (11, 9)
    assert lifted.ledger.limit == 9
    lower: list[dict[str, Any]] = [{"max_explores": 1}, {"max_cost_usd": Decimal(1)}]
    for limits in lower:
        with pytest.raises(InvalidInput):
            lifting(state, **limits)


def test_the_cap_of_the_day_holds_on() -> None:
    day = DayCapReached(Decimal(2), Decimal(20))
    state = folded(stopped(day), RunResumed("", None, Decimal(9), lifts=True))
    assert (state.ledger.limit, state.budget.max_cost_usd, state.day_cap_usd) == (2, 9, 20)


def test_skipped_explores_come_back_only_where_a_limit_is_raised() -> None:
    spec = a_run(prefetch=3, max_parallel=2)
    records = upto(play(spec, answers()), SolverStarted, nth=2)
    records = followed_by(records, ExploresSkipped((3,), "no money"), STOP)

    assert folded(records, LIFT).explores[3].skipped == "no money"
    raised = folded(records, RunResumed("", max_explores=9, lifts=True))
    assert raised.explores[3].waiting


# Races between a call that the stop breaks off and the lift


def a_call(records: Sequence[Record], number: int) -> RunSolver:
    """Return the call of an explore that is in flight."""
    started = next(
        one.event
        for one in records
        if isinstance(one.event, SolverStarted) and one.event.explore_id == number
    )
    command = next(
        one
        for one in next_commands(RunState.fold(upto_plan(records)))
        if isinstance(one, RunSolver) and one.intent == started
    )
    return command


def upto_plan(records: Sequence[Record]) -> list[Record]:
    return [one for one in records if isinstance(one.event, RunOpened | ExploresPlanned)]


def test_an_attempt_that_a_stop_broke_off_is_made_again_where_the_stop_is_gone_by_then() -> None:
    records = stopped(LIFT)
    state, call = RunState.fold(records), a_call(records, 1)

    event = conclude(state, call, NoReply("stopped"), now=5.0)

    assert isinstance(event, AttemptFailed)
    assert (event.failure.kind, event.not_before) == ("cancelled", 5.0)
    again = next_attempt(folded(records, event), call)
    assert isinstance(again, RunSolver)
    assert (again.attempt, again.not_before) == (2, 5.0)


def test_it_keeps_the_wait_that_was_before_it() -> None:
    records = stopped()
    wait = AttemptFailed("solver-1", 1, failed("unavailable"), Charge(), 60.0)
    records = followed_by(records[:-1], wait, STOP, LIFT)
    call = replace(a_call(records, 1), attempt=2, not_before=60.0)

    event = conclude(RunState.fold(records), call, NoReply("stopped"), now=5.0)

    assert isinstance(event, AttemptFailed)
    assert event.not_before == 60.0


def test_it_is_not_made_again_where_the_money_does_not_bear_it() -> None:
    records = stopped(DayCapReached(Decimal(0), Decimal(20)), LIFT)
    call = a_call(records, 1)
    arrived = NoReply("stopped", complete=False)

    event = conclude(RunState.fold(records), call, arrived, now=5.0)

    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, SolverFailure)
    assert event.outcome.kind == "cancelled"
    assert "money" in event.outcome.text


def test_while_the_run_is_stopped_it_is_cancelled() -> None:
    records = stopped()
    event = conclude(RunState.fold(records), a_call(records, 1), NoReply("stopped"), now=5.0)
    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, SolverFailure)
    assert event.outcome.kind == "cancelled"


# Runs of every kind


class Pestered:
    """How a run is played whose client leaves and comes back. No dataclass: those are printed."""

    def __init__(self, play_it: Callable[[], Played]) -> None:
        self.play = play_it


@st.composite
def pestered(draw: st.DrawFn) -> Pestered:
    spec = draw(specs(one_price=draw(st.booleans())))
    sayings = draw(st.lists(SAYINGS, min_size=1, max_size=4))
    outcomes = draw(st.lists(OUTCOMES, min_size=1, max_size=4))
    cuts = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    moves = draw(st.lists(st.sampled_from(["stop", "lift", "none"]), min_size=1, max_size=8))

    def go() -> Played:
        outcome, cut, move = cycled(outcomes), cycled(cuts), cycled(moves)
        state = [RunState.fold([Record(1, 0.0, RunOpened(Problem("How many?"), spec))])]

        def solve(call: RunSolver) -> Any:
            is_cut = state[0].stop_cause is not None and cut(call)
            return failed("cancelled") if is_cut else outcome(call)

        def meanwhile(now: RunState) -> Event | None:
            state[0], going = now, now.finished is None
            match move(None):
                case "stop" if going and now.stop_cause is None and now.calls_in_flight:
                    event: Event | None = STOP
                case "lift" if can_be_lifted(now):
                    event = LIFT
                case _:
                    event = None
            if event is not None:
                state[0] = now.apply(Record(now.seq + 1, now.at, event))
            return event

        return play(spec, *sayings, solve=solve, meanwhile=meanwhile)

    return Pestered(go)


@given(pestered())
@settings(max_examples=draws(100), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_run_whose_client_leaves_and_comes_back_ends_within_its_limits(one: Pestered) -> None:
    run = one.play()
    cap = run.state.budget.max_cost_usd
    for state in run.live:
        in_flight = {f"solver-{explore.id}" for explore in state.solvers_in_flight}
        if state.turn_in_flight:
            in_flight.add(f"orchestrator-{state.turns[-1].asked.turn}")
        assert set(state.ledger.held) == set(state.open_calls) == in_flight
        assert len(state.solvers_in_flight) <= state.budget.max_parallel
        assert cap is None or state.ledger.committed <= cap
        assert state.used_explores <= state.budget.max_explores
    assert run.state.finished is not None
    replied = [explore.id for explore in run.state.done if explore.replied]
    asked = [call.intent.explore_id for call in run.solves]
    for number in replied:
        calls = asked.count(number)
        assert calls == 1 or run.state.explores[number].charge.usage.requests == calls
    written = [encode_event(record.event) for record in run.records]
    read = (Record(r.seq, r.at, decode_event(w)) for r, w in zip(run.records, written, strict=True))
    assert RunState.fold(read) == run.state


@given(pestered())
@settings(max_examples=draws(60), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_stop_that_is_lifted_at_once_leaves_the_run_as_it_was(one: Pestered) -> None:
    for state in one.play().live:
        if state.finished is None and state.stop_cause is None:
            after = state.apply(Record(state.seq + 1, state.at, STOP))
            after = after.apply(Record(after.seq + 1, state.at, lifting(after)))
            assert without_place(after) == without_place(state)
            assert [type(one) for one in next_commands(after)] == [
                type(one) for one in next_commands(state)
            ]
