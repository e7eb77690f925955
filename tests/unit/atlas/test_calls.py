"""The end of a call becomes an event, and a reply on record is read once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.calls import NO_MONEY_TO_TRY_AGAIN, Cause, NoReply, conclude, next_attempt
from atlas_mcp.atlas.commands import Note, RunSolver
from atlas_mcp.atlas.events import (
    AttemptFailed,
    DayCapReached,
    Event,
    Record,
    RunOpened,
    SolverFinished,
    SolverReplied,
    StopRequested,
)
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Usage
from tests.support.played_runs import a_model, a_run, a_solver

HOLD = Decimal("0.1")
PAID = Decimal("0.0007")


def solving(**settings: Any) -> tuple[RunState, RunSolver]:
    """Return a run with one solver's call open, at 0 s, under a hold of what it may cost."""
    spec = a_run(a_solver(spec=a_model("maker/s", price=("1", "10"), max_tokens=4_000)), **settings)
    state = RunState.fold([Record(1, 0.0, RunOpened(Problem("How many?"), spec))])
    while True:
        command = next_commands(state)[0]
        if isinstance(command, RunSolver):
            return state.apply(Record(state.seq + 1, 0.0, command.intent)), command
        assert isinstance(command, Note)
        state = state.apply(Record(state.seq + 1, 0.0, command.event))


def busy(**more: Any) -> NoReply:
    return NoReply("unavailable", "busy", "maker/s", **more)


def after(state: RunState, event: Event, *, at: float = 0.0) -> RunState:
    return state.apply(Record(state.seq + 1, at, event))


def failed_with(event: Event) -> SolverFailure:
    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, SolverFailure)
    return event.outcome


def test_a_call_that_may_work_later_is_made_again_after_a_wait() -> None:
    state, call = solving(prefetch=1)

    event = conclude(state, call, busy(charge=Charge(Usage(1, 3, 4), Decimal("0.25"))), now=7.0)

    assert isinstance(event, AttemptFailed)
    assert (event.call, event.attempt, event.failure.kind) == ("solver-1", 1, "unavailable")
    assert event.failure.text == "`maker/s`: busy"
    assert 7.75 <= event.not_before <= 8.0, "one second, less some jitter"
    assert event == conclude(
        state, call, busy(charge=Charge(Usage(1, 3, 4), Decimal("0.25"))), now=7.0
    ), "a replay decides the same"
    again = next_attempt(after(state, event, at=7.0), call)
    assert again == replace(call, attempt=2, not_before=event.not_before)


def test_all_attempts_of_a_call_are_counted_at_its_end() -> None:
    state, call = solving(prefetch=1)
    first = conclude(state, call, busy(charge=Charge(Usage(1, 3, 4), Decimal("0.25"))), now=0.0)
    state = after(state, first)
    assert state.charge == NO_CHARGE, "it counts once the call has ended"

    reply = Reply(AssistantTurn("yes"), "end", Charge(Usage(1, 10, 20), Decimal("0.5")))
    ended = conclude(state, call, reply, now=1.0)

    assert isinstance(ended, SolverReplied)
    assert ended.charge == Charge(Usage(2, 13, 24), Decimal("0.75"))
    done = after(state, ended, at=1.0)
    assert (done.ledger.spent, dict(done.ledger.held), dict(done.open_calls)) == (
        Decimal("0.75"),
        {},
        {},
    )
    assert next_attempt(done, call) is None


def test_attempts_are_bounded_and_the_end_says_so() -> None:
    state, call = solving(prefetch=1)
    event: Event = conclude(state, call, busy(request_id="req-1"), now=0.0)
    while isinstance(event, AttemptFailed):
        state = after(state, event)
        event = conclude(state, call, busy(request_id="req-1"), now=state.at)

    why = failed_with(event)
    assert why == SolverFailure(
        "unavailable",
        "busy",
        model="maker/s",
        request_id="req-1",
        given_up="gave up after 6 attempts",
    )
    assert why.text == "`maker/s`: busy; gave up after 6 attempts (request req-1)"


@pytest.mark.parametrize("cause", ["rejected", "down", "bug"])
def test_a_call_that_would_fail_again_is_not_made_again(cause: Cause) -> None:
    state, call = solving(prefetch=1)

    kind = failed_with(conclude(state, call, NoReply(cause, "no"), now=0.0)).kind

    assert kind == {"rejected": "rejected", "down": "unavailable", "bug": "malformed"}[cause]


def test_a_run_that_is_to_stop_makes_no_call_again() -> None:
    state, call = solving(prefetch=1)
    state = after(state, StopRequested("client"))

    assert failed_with(conclude(state, call, busy(), now=0.0)).text == "`maker/s`: busy"
    stopped = failed_with(conclude(state, call, NoReply("aborted"), now=0.0))
    assert stopped.kind == "cancelled"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"solver_time_limit_s": 10.0}, "no reply within its time limit"),
        ({"time_limit_s": 10.0}, "no reply within the run's time limit"),
    ],
)
def test_a_call_that_was_late_says_whose_limit_it_was(limits: Any, words: str) -> None:
    state, call = solving(prefetch=1, **limits)

    assert failed_with(conclude(state, call, NoReply("aborted"), now=10.0)) == SolverFailure(
        "timeout", words
    )


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    state, call = solving(prefetch=1, time_limit_s=60.0)

    why = failed_with(conclude(state, call, busy(retry_after=50.0), now=1.0))

    assert "the next attempt is due in 50" in why.text
    assert "after the deadline in 44.1 s" in why.text


def test_a_vendor_that_asks_for_too_long_a_wait_is_given_up() -> None:
    state, call = solving(prefetch=1)

    assert (
        "asks to wait 277777 h 46 min, more than the 5 min"
        in failed_with(conclude(state, call, busy(retry_after=1e305), now=0.0)).text
    )


def test_an_attempt_that_broke_off_leaves_what_it_held_uncertain() -> None:
    state, call = solving(prefetch=1)
    hold = call.intent.hold_usd

    event = conclude(state, call, busy(complete=False), now=0.0)

    assert isinstance(event, AttemptFailed)
    assert event.charge == Charge(uncertain=hold)
    assert after(state, event).ledger.held["solver-1"] == 2 * hold


def test_an_attempt_whose_input_was_counted_is_bounded_closer() -> None:
    state, call = solving(prefetch=1)
    counted = Charge(Usage(1, 100), Decimal("0.0001"))

    event = conclude(state, call, busy(charge=counted, complete=False), now=0.0)

    # At most 100 tokens in and 4,000 out, of which the input is counted.
    assert event.charge.uncertain == Decimal("0.04")


def test_an_attempt_that_broke_off_at_an_unknown_price_has_an_unknown_cost() -> None:
    free = a_solver(spec=a_model("maker/s", price=None))
    spec = a_run(free, max_cost_usd=None, prefetch=1)
    state = RunState.fold([Record(1, 0.0, RunOpened(Problem("How many?"), spec))])
    (note,) = next_commands(state)
    assert isinstance(note, Note)
    state = after(state, note.event)
    (call,) = next_commands(state)
    assert isinstance(call, RunSolver)

    event = conclude(after(state, call.intent), call, busy(complete=False), now=0.0)

    assert event.charge.cost is None


def test_an_attempt_that_counted_nothing_leaves_the_cost_known() -> None:
    state, call = solving(prefetch=1)

    event = conclude(state, call, busy(charge=Charge(Usage(1), None)), now=0.0)

    assert event.charge == Charge(Usage(1))


def test_no_attempt_follows_that_the_cap_does_not_bear() -> None:
    state, call = solving(prefetch=1, max_cost_usd="0.08")

    why = failed_with(conclude(state, call, busy(complete=False), now=0.0))

    assert why.text == f"`maker/s`: busy; {NO_MONEY_TO_TRY_AGAIN}"


def test_no_attempt_follows_once_the_day_s_cap_has_been_reached() -> None:
    state, call = solving(prefetch=1)
    failed = conclude(state, call, busy(complete=False), now=0.0)
    state = after(after(state, failed), DayCapReached(call.intent.hold_usd, Decimal(1)))

    ended = next_attempt(state, call)

    assert isinstance(ended, SolverFinished)
    assert NO_MONEY_TO_TRY_AGAIN in failed_with(ended).text
    assert ended.charge == Charge(uncertain=call.intent.hold_usd)


def test_the_texts_of_a_failure_can_be_stored() -> None:
    state, call = solving(prefetch=1)
    odd = "\ud800" * 3_000

    why = failed_with(conclude(state, call, NoReply("down", odd, odd, odd, given_up=odd), now=0.0))

    assert len(why.text.encode()) < 20_000


@pytest.mark.parametrize("asked", [float("nan"), -5, 10**400, float("inf"), "soon", True, [], None])
@pytest.mark.parametrize("cause", ["unavailable", "rejected", "aborted", "stopped", "later", None])
def test_no_end_of_a_call_is_too_strange_to_be_concluded(asked: Any, cause: Any) -> None:
    state, call = solving()

    event = conclude(state, call, NoReply(cause, "no reply", retry_after=asked), now=1.0)

    following = next_attempt(after(state, event, at=1.0), call)
    if isinstance(event, AttemptFailed):
        assert 1.0 <= event.not_before < 10.0
        assert isinstance(following, RunSolver)
    else:
        assert failed_with(event).text
        assert following is None


def test_a_wait_of_any_length_is_told_in_words() -> None:
    state, call = solving()

    event = conclude(state, call, busy(retry_after=10**400), now=1.0)

    assert "the vendor asks to wait 277777 h 46 min" in failed_with(event).text


def test_an_endpoint_that_is_not_asked_says_why() -> None:
    state, call = solving(prefetch=1)
    arrived = NoReply("down", "busy", "maker/s", given_up="not asked for 29 s")

    why = failed_with(conclude(state, call, arrived, now=0.0))

    assert (why.message, why.text) == ("busy", "`maker/s`: busy; not asked for 29 s")
