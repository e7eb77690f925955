"""Each event changes the facts of a run that it is about, and no others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from atlas_mcp.atlas.events import (
    AttemptFailed,
    CallsLost,
    DayCapReached,
    Event,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    HoldRaised,
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Planned,
    Record,
    RecordLost,
    RunFinished,
    RunOpened,
    RunResumed,
    SentBack,
    SolverFinished,
    SolverReplied,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.losses import UNFIT
from atlas_mcp.atlas.messages import AssistantTurn, Text, ToolResult, UserTurn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_facts import OpenCall, RunFacts
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.transitions import after
from atlas_mcp.atlas.usage import Charge, Usage
from tests.support.played_runs import a_run, a_solver, answers, failed, followed_by, found, play

HOLD = Decimal("0.5")
PAID = Charge(Usage(1, 100, 50), Decimal("0.2"))


def opened(*events: Event) -> RunFacts:
    """Return the facts of a client's run with a cap of 2 dollars, after `events`."""
    spec = a_run(a_solver("s"), workflow="explore", prefetch=0, max_cost_usd="2", max_explores=4)
    first = Record(1, 10.0, RunOpened(Problem("How many?"), spec))
    return RunState.fold(followed_by([first], *events))


def changed(facts: RunFacts, event: Event, *, at: float = 20.0) -> RunFacts:
    return after(facts, Record(facts.seq + 1, at, event))


TWO_PLANNED = ExploresPlanned("client", (Planned(1, Explore("s")), Planned(2, Explore("s"))))


def running() -> RunFacts:
    """Return a run with one solver's call open."""
    return opened(TWO_PLANNED, SolverStarted(1, HOLD))


def asked(turn: int = 1) -> OrchestratorAsked:
    return OrchestratorAsked(turn, UserTurn((Text("go on"),)), (), HOLD, 100, {}, None, "sys", ())


# Explores


def test_a_planned_explore_waits_until_it_starts() -> None:
    planned = opened(TWO_PLANNED)
    started = changed(planned, SolverStarted(1, HOLD))

    assert [explore.id for explore in planned.waiting] == [1, 2]
    assert [explore.id for explore in started.waiting] == [2]
    assert (started.explores[1].started_at, started.calls_began_at) == (20.0, 20.0)
    assert started.ledger.held == {"solver-1": HOLD}
    assert started.open_calls == {"solver-1": OpenCall(20.0, HOLD)}


def test_an_explore_is_planned_once_and_for_a_solver_of_the_run() -> None:
    with pytest.raises(ValueError, match="planned once"):
        changed(opened(TWO_PLANNED), TWO_PLANNED)
    with pytest.raises(LookupError):
        changed(opened(), ExploresPlanned("client", (Planned(1, Explore("stranger")),)))


def test_explores_of_the_client_open_a_run_that_had_ended() -> None:
    ended = opened(StopRequested("user"), RunFinished("cancelled", "cancelled"))

    again = changed(ended, TWO_PLANNED, at=40.0)

    assert (again.finished, again.stop_cause, again.idle_s) == (None, None, 30.0)


def test_explores_of_a_turn_mark_it_as_read_with_its_refusals() -> None:
    refused = (ToolResult("b", "no explore is left", is_error=True),)
    plan = ExploresPlanned("orchestrator", (Planned(1, Explore("s"), "a"),), refused)

    facts = changed(opened(asked()), plan)

    turn = facts.turns[-1]
    assert (turn.read, turn.granted, turn.refused) == (True, (1,), refused)


def test_a_skipped_explore_neither_waits_nor_counts() -> None:
    facts = changed(opened(TWO_PLANNED), ExploresSkipped((2,), "no money"))

    assert [explore.id for explore in facts.waiting] == [1]
    assert (facts.explores[2].skipped, facts.used_explores) == ("no money", 1)


# Money


def test_a_reply_is_paid_and_gives_the_rest_of_its_hold_back() -> None:
    reply = SolverReplied(1, AssistantTurn("42"), "end", "", PAID)

    facts = changed(running(), reply)

    assert (facts.ledger.spent, facts.ledger.held) == (Decimal("0.2"), {})
    assert (facts.charge, facts.explores[1].charge, facts.open_calls) == (PAID, PAID, {})
    assert (facts.explores[1].reply, facts.explores[1].finished_at) == (reply, 20.0)
    assert [explore.id for explore in facts.unread] == [1]


def test_an_outcome_that_was_read_from_a_reply_is_not_paid_twice() -> None:
    replied = changed(running(), SolverReplied(1, AssistantTurn("42"), "end", "", PAID))

    facts = changed(replied, SolverFinished(1, found(), PAID), at=30.0)

    assert (facts.charge, facts.ledger) == (replied.charge, replied.ledger)
    assert (facts.explores[1].outcome, facts.explores[1].finished_at) == (found(), 20.0)


def test_a_call_without_a_reply_is_paid_at_its_outcome() -> None:
    facts = changed(running(), SolverFinished(1, failed(), PAID))

    assert (facts.ledger.spent, facts.charge, facts.explores[1].finished_at) == (
        Decimal("0.2"),
        PAID,
        20.0,
    )


def test_a_failed_attempt_keeps_its_charge_on_hold_until_the_call_ends() -> None:
    lost = Charge(Usage(1, 3), Decimal("0.1"), Decimal("0.3"))

    facts = changed(running(), AttemptFailed("solver-1", 1, failed(), lost, 25.0))

    assert facts.ledger.held == {"solver-1": HOLD + Decimal("0.4")}
    assert facts.open_calls["solver-1"] == OpenCall(10.0, HOLD, 2, lost, 25.0)
    assert facts.charge == Charge()


def test_a_hold_that_was_raised_before_version_3_is_held() -> None:
    facts = changed(running(), HoldRaised("solver-1", Decimal("0.25")))

    assert facts.ledger.held == {"solver-1": Decimal("0.75")}


def test_the_cap_of_a_day_lowers_the_limit_and_never_raises_it() -> None:
    lower = changed(opened(), DayCapReached(Decimal("0.5"), Decimal(20)))
    higher = changed(opened(), DayCapReached(Decimal(7), Decimal(20)))

    assert (lower.ledger.limit, lower.day_cap_usd) == (Decimal("0.5"), Decimal(20))
    assert higher.ledger.limit == Decimal(2)


# Turns of the orchestrator


def test_a_turn_is_open_from_its_intent_to_its_reply() -> None:
    facts = changed(opened(), asked())
    reply = OrchestratorReplied(1, AssistantTurn("yes"), "end", "", PAID)
    ended = changed(facts, reply, at=30.0)

    assert (facts.turn_in_flight, ended.turn_in_flight) == (True, False)
    assert (ended.turns[-1].reply, ended.turns[-1].started_at) == (reply, 20.0)
    assert (ended.orchestrator_charge, ended.solver_charge) == (PAID, Charge())
    assert ended.history == (UserTurn((Text("go on"),)), AssistantTurn("yes"))


def test_a_turn_that_failed_keeps_its_failure_and_is_no_part_of_the_conversation() -> None:
    facts = changed(opened(asked()), OrchestratorFailed(1, failed("unavailable"), PAID))

    assert (facts.turns[-1].reply, facts.history) == (failed("unavailable"), ())
    assert facts.ledger.spent == Decimal("0.2")


def test_a_reply_that_was_sent_back_is_read() -> None:
    reply = OrchestratorReplied(1, AssistantTurn("no"), "end", "", PAID)

    facts = changed(opened(asked(), reply), SentBack(1, "too early", below_floor=True))

    turn = facts.turns[-1]
    assert (turn.read, turn.sent_back, turn.below_floor) == (True, "too early", True)


# The run


def test_a_run_is_opened_once() -> None:
    with pytest.raises(ValueError, match="once"):
        changed(opened(), RunOpened(Problem("?"), a_run()))


def test_the_end_of_exploring_a_stop_and_the_end_are_kept() -> None:
    end = RunFinished("answered", "decided", "42")

    assert changed(opened(), ExploringClosed()).exploring_closed
    assert changed(opened(), StopRequested("shutdown")).stop_cause == "shutdown"
    finished = changed(opened(), end)
    assert (finished.finished, finished.finished_at) == (end, 20.0)


def test_calls_that_are_lost_leave_their_holds_uncertain_and_their_explores_waiting() -> None:
    facts = changed(running(), CallsLost())

    assert (facts.ledger.uncertain, facts.ledger.held, facts.open_calls) == (HOLD, {}, {})
    assert [explore.id for explore in facts.waiting] == [1, 2]
    assert facts.idle_s == 10.0, "the time since the last record"


def test_limits_are_raised_when_a_run_is_resumed() -> None:
    ended = opened(RunFinished("failed", "no_candidates"))

    facts = changed(ended, RunResumed("go on", 9, Decimal(3)))

    assert (facts.budget.max_explores, facts.budget.max_cost_usd) == (9, Decimal(3))
    assert (facts.ledger.limit, facts.finished) == (Decimal(3), None)


@pytest.mark.parametrize(("count", "lost"), [(0, 1), (1, 1), (4, 4)])
def test_lost_records_are_counted(count: int, lost: int) -> None:
    assert changed(opened(), RecordLost("gone", count)).lost == lost


@pytest.mark.parametrize(
    "event",
    [
        SolverStarted(7, HOLD),
        SolverStarted(1, Decimal(50)),
        SolverReplied(1, AssistantTurn(""), "end", "", PAID),
        SolverFinished(3, found(), PAID),
        AttemptFailed("solver-1", 1, failed(), PAID, 0.0),
        HoldRaised("solver-1", HOLD),
        OrchestratorReplied(1, AssistantTurn(""), "end", "", PAID),
        SentBack(1, "no", below_floor=False),
        ExploresSkipped((5,), "no money"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_about_an_unknown_call_explore_or_turn_does_not_fit(event: Event) -> None:
    with pytest.raises(UNFIT):
        changed(opened(TWO_PLANNED), event)


def test_the_class_of_the_facts_is_kept() -> None:
    run = play(a_run(), answers())

    assert all(type(state) is RunState for state in run.live)
