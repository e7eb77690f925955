"""A reply is read once it is on record, and its reading is the next event."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.arrived import solver_replied
from atlas_mcp.atlas.commands import ReadReply, RunSolver
from atlas_mcp.atlas.events import (
    CallsLost,
    ExploresPlanned,
    OrchestratorReplied,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore, SolverFailure
from atlas_mcp.atlas.messages import Json, Reply
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.replies import is_quickly_read, read_reply, unreadable_reply
from atlas_mcp.atlas.resuming import abandonment, resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.played_runs import a_run, answers, followed_by, play
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
        solver_replied(1, usual(CANDIDATE)),
    )


def test_a_reply_is_paid_when_it_arrives_and_evidence_once_it_is_read() -> None:
    state = RunState.fold(unread())

    assert (state.cost_usd, state.usage) == (PAID, Usage(1, 100, 50))
    assert (state.ledger.spent, dict(state.ledger.held)) == (PAID, {"solver-2": HOLD})
    assert (state.done, state.votes) == ((), ())
    assert [explore.id for explore in state.solvers_in_flight] == [2]
    assert next_commands(state) == (ReadReply(1),)

    read = RunState.fold(followed_by(unread(), read_reply(state, ReadReply(1))))
    assert [vote.candidate.answer for vote in read.votes] == ["42"]
    assert (read.cost_usd, read.usage, read.ledger) == (state.cost_usd, state.usage, state.ledger)
    assert read.explores[1].finished_at == state.explores[1].finished_at
    assert not [one for one in next_commands(read) if isinstance(one, ReadReply)]


def test_a_candidate_is_ready_to_be_compared_once_its_reply_has_been_read() -> None:
    state = RunState.fold(unread())
    read = RunState.fold(followed_by(unread(), read_reply(state, ReadReply(1))))

    [vote] = read.votes
    assert vote.candidate.key_under(read.asked) is not None


def test_a_run_that_is_resumed_reads_what_was_replied_and_asks_only_for_the_rest() -> None:
    records = followed_by(unread(), *resumption(RunState.fold(unread())))
    state = RunState.fold(records)

    assert next_commands(state) == (ReadReply(1),)
    state = RunState.fold(followed_by(records, read_reply(state, ReadReply(1))))
    asked = [one.intent.explore_id for one in next_commands(state) if isinstance(one, RunSolver)]
    assert asked == [2]
    assert state.ledger.uncertain == HOLD


def test_a_run_that_is_given_up_keeps_what_was_replied_as_a_candidate() -> None:
    ended = abandonment(RunState.fold(unread()))
    state = RunState.fold(followed_by(unread(), *ended))

    assert [type(event) for event in ended[:2]] == [SolverFinished, CallsLost]
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    assert (view.status, [one.answer for one in view.candidates]) == ("cancelled", ["42"])


def test_what_a_bug_keeps_from_being_read_is_a_failed_candidate_with_its_cost() -> None:
    state = RunState.fold(unread())

    event = unreadable_reply(state, ReadReply(1), ZeroDivisionError("a bug"))

    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, SolverFailure)
    assert "ZeroDivisionError" in event.outcome.message
    assert (event.charge.usage, event.charge.cost) == (Usage(1, 100, 50), PAID)


def test_a_reply_of_the_orchestrator_is_read_into_its_decision() -> None:
    run = play(a_run(), answers("43"))
    asked = next(
        n for n, one in enumerate(run.records, 1) if isinstance(one.event, OrchestratorReplied)
    )
    state = RunState.fold(run.records[:asked])

    assert read_reply(state, ReadReply(None)) == run.end
    assert is_quickly_read(state, ReadReply(None))


def test_an_orchestrator_s_reply_that_a_bug_keeps_from_being_read_ends_the_run() -> None:
    state = RunState.fold(followed_by(unread(), read_reply(RunState.fold(unread()), ReadReply(1))))

    event = unreadable_reply(state, ReadReply(None), KeyError("a bug"))

    assert isinstance(event, RunFinished)
    assert (event.status, event.stop_reason) == ("failed", "error")
    assert "KeyError" in (event.error or "")


def test_a_reply_is_read_off_the_event_loop_where_it_is_long_or_must_fit_a_schema() -> None:
    def run_of(reply: Reply, schema: dict[str, Json] | None) -> RunState:
        problem = Problem("How many?", answer_schema=schema)
        first = Record(1, 0.0, RunOpened(problem, a_run()))
        plan = ExploresPlanned("prefetch", (Planned(1, Explore("s")),))
        events = plan, SolverStarted(1, HOLD), solver_replied(1, reply)
        return RunState.fold(followed_by([first], *events))

    short, long = usual(CANDIDATE), usual(CANDIDATE | {"justification": "x" * 60_000})
    assert is_quickly_read(run_of(short, None), ReadReply(1))
    assert not is_quickly_read(run_of(short, {"type": "integer"}), ReadReply(1))
    assert not is_quickly_read(run_of(long, None), ReadReply(1))
