"""A reply on record that nobody has read: it is read once, by whoever comes next."""

from __future__ import annotations

from decimal import Decimal

import pytest

from atlas_mcp.atlas.calls import (
    Failed,
    conclude,
    failure,
    is_light,
    solver_ended,
    turn_ended,
    unconcluded,
)
from atlas_mcp.atlas.events import (
    CallsLost,
    ExploresPlanned,
    OrchestratorFailed,
    OrchestratorReplied,
    Planned,
    Record,
    RunOpened,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore, SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, Json, Reply, ToolCall
from atlas_mcp.atlas.policy import ReadReply, RunSolver, next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import abandonment, resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.views.rendering import view_run
from tests.support.played_runs import a_run, followed_by
from tests.support.strange_replies import CANDIDATE, usual

HOLD = Decimal("0.1")
PAID = Decimal("0.0007")


def unread() -> list[Record]:
    """Return a run of which one call has replied and another is open; nothing has been read."""
    planned = (Planned(1, Explore("s")), Planned(2, Explore("s", "decompose")))
    first = Record(1, 0.0, RunOpened(Problem("How many?"), a_run()))
    return followed_by(
        [first],
        ExploresPlanned("prefetch", planned),
        SolverStarted(1, HOLD),
        SolverStarted(2, HOLD),
        solver_ended(1, usual(CANDIDATE)),
    )


def test_a_reply_is_paid_when_it_arrives_and_evidence_once_it_is_read() -> None:
    state = RunState.fold(unread())

    assert (state.cost_usd, state.usage) == (PAID, Usage(1, 100, 50))
    assert (state.ledger.spent, dict(state.ledger.held)) == (PAID, {"solver-2": HOLD})
    assert (state.done, state.votes) == ((), ())
    assert [explore.id for explore in state.solvers_in_flight] == [2]
    assert next_commands(state) == (ReadReply(1),)

    read = RunState.fold(followed_by(unread(), conclude(state, ReadReply(1))))
    assert [vote.candidate.answer for vote in read.votes] == ["42"]
    assert (read.cost_usd, read.usage, read.ledger) == (state.cost_usd, state.usage, state.ledger)
    assert read.explores[1].finished_at == state.explores[1].finished_at
    assert not [one for one in next_commands(read) if isinstance(one, ReadReply)]


def test_a_run_that_is_resumed_reads_what_was_replied_and_asks_only_for_the_rest() -> None:
    records = followed_by(unread(), *resumption(RunState.fold(unread())))
    state = RunState.fold(records)

    assert next_commands(state) == (ReadReply(1),)
    state = RunState.fold(followed_by(records, conclude(state, ReadReply(1))))
    asked = [one.intent.explore_id for one in next_commands(state) if isinstance(one, RunSolver)]
    assert asked == [2]
    assert state.ledger.uncertain == HOLD


def test_a_run_that_is_given_up_keeps_what_was_replied_as_a_candidate() -> None:
    ended = abandonment(RunState.fold(unread()))
    state = RunState.fold(followed_by(unread(), *ended))

    assert [type(event) for event in ended[:2]] == [SolverFinished, CallsLost]
    view = view_run("r", state, now=0.0, driven=False)
    assert (view.status, [one.answer for one in view.candidates]) == ("cancelled", ["42"])


def test_what_a_bug_keeps_from_being_read_is_a_failed_candidate_with_its_cost() -> None:
    state = RunState.fold(unread())

    event = unconcluded(state, ReadReply(1), ZeroDivisionError("a bug"))

    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, SolverFailure)
    assert "ZeroDivisionError" in event.outcome.message
    assert (event.charge.usage, event.charge.cost) == (Usage(1, 100, 50), PAID)


def test_a_reply_is_recorded_as_it_arrived() -> None:
    calls = (ToolCall("t", "explore", {"strategy": "direct"}),)
    turn = AssistantTurn("I look.", calls, {"role": "assistant", "content": "I look."})
    reply = Reply(turn, "tool_calls", Charge(Usage(1, 9, 5), PAID, HOLD), "a word")

    solver, boss = solver_ended(3, reply), turn_ended(2, reply)

    # A solver is not asked again: what would be sent back to it is not kept.
    said = AssistantTurn("I look.", calls)
    paid = Charge(Usage(1, 9, 5), PAID, HOLD)
    assert solver == SolverReplied(3, said, "tool_calls", "a word", paid)
    assert boss == OrchestratorReplied(2, turn, "tool_calls", "a word", paid)


def test_a_call_without_a_reply_is_recorded_with_what_it_may_have_cost() -> None:
    failed = Failed(failure("timeout", "\ud800" * 3_000), Charge(Usage(1, 9, 0), PAID, HOLD))

    for event in (solver_ended(3, failed), turn_ended(2, failed)):
        assert isinstance(event, SolverFinished | OrchestratorFailed)
        assert event.charge == Charge(Usage(1, 9, 0), PAID, HOLD)
        failure_ = event.outcome if isinstance(event, SolverFinished) else event.failure
        assert not isinstance(failure_, Candidate)
        assert failure_.kind == "timeout"
        assert len(failure_.message.encode()) < 10_000


def test_the_arguments_of_all_calls_of_a_reply_share_one_bound() -> None:
    numbers: list[Json] = [0] * 30_000
    calls = tuple(ToolCall(f"c{one}", "explore", {"x": numbers}) for one in range(30))

    ended = solver_ended(1, Reply(AssistantTurn("", calls), "tool_calls", Charge(Usage(), None)))

    assert isinstance(ended, SolverReplied)
    said = ended.reply
    whole = [call for call in said.tool_calls if call.fault is None]
    assert [call.arguments for call in whole] == [{"x": [0] * 30_000}] * 6
    assert all(call.arguments == {} for call in said.tool_calls[6:])
    assert "too long" in str(said.tool_calls[-1].fault)


@pytest.mark.parametrize(
    "turn",
    [
        AssistantTurn("x" * 50_001),
        AssistantTurn("", (ToolCall("c", "explore", {"x": list("y" * 3_000)}),)),
        AssistantTurn("", (), {"content": [{"text": "x" * 60_000}]}),
    ],
    ids=["text", "arguments", "verbatim"],
)
def test_a_long_reply_is_told_from_a_short_one(turn: AssistantTurn) -> None:
    assert not is_light(Reply(turn, "end", Charge(Usage(), None)))
    assert is_light(usual(CANDIDATE))
    assert is_light(object())
