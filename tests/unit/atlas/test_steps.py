"""A step records an event with its consequences, and stops where calls or a long reading follow."""

from __future__ import annotations

import json
from dataclasses import replace

from atlas_mcp.atlas.arrived import solver_replied
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import (
    Event,
    OrchestratorAsked,
    Record,
    RunOpened,
    SolverFinished,
)
from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.steps import batch_of, next_step
from atlas_mcp.atlas.usage import NO_CHARGE
from tests.support.played_runs import a_run, failed

CANDIDATE = json.dumps(
    {"approach": "Adds.", "justification": "So.", "answer": "42", "confidence_percent": 80}
)


def opened(**problem: object) -> RunState:
    run_opened = RunOpened(replace(Problem("How many?"), **problem), a_run(prefetch=2))
    return RunState.fold([Record(1, 1.0, run_opened)])


def begun(**problem: object) -> RunState:
    """Return a run whose first two solvers are open."""
    return next_step(opened(**problem), (), 2.0).state


def replied(explore_id: int) -> Event:
    return solver_replied(explore_id, Reply(AssistantTurn(CANDIDATE), "end", NO_CHARGE))


def ended(explore_id: int) -> SolverFinished:
    return SolverFinished(explore_id, failed(), NO_CHARGE)


def types_of(records: tuple[Record, ...]) -> list[str]:
    return [record.event.type for record in records]


def test_a_run_that_is_taken_up_plans_its_explores_and_asks_for_their_calls() -> None:
    step = next_step(opened(), (), 2.0)

    assert step.happened.records == ()
    assert types_of(step.whole.records) == ["explores_planned", "solver_started", "solver_started"]
    assert [record.seq for record in step.whole.records] == [2, 3, 4]
    assert [call.intent for call in step.calls] == [one.event for one in step.whole.records[1:]]
    assert step.state == step.whole.state
    assert step.work is None


def test_an_event_comes_before_its_consequences_and_both_bear_one_time() -> None:
    first = next_step(begun(), (replied(1),), 3.0)
    second = next_step(first.state, (replied(2),), 4.0)

    assert types_of(first.whole.records) == ["solver_replied", "solver_finished"]
    assert not first.calls, "the other solver is awaited"
    assert types_of(second.whole.records) == [
        "solver_replied",
        "solver_finished",
        "orchestrator_asked",
    ]
    assert types_of(second.happened.records) == ["solver_replied"]
    assert {record.at for record in second.whole.records} == {4.0}
    (call,) = second.calls
    assert isinstance(call.intent, OrchestratorAsked)


def test_the_consequences_alone_can_be_recorded_later_with_the_same_result() -> None:
    step = next_step(begun(), (ended(1), ended(2)), 3.0)
    later = step.consequences(9.0)

    assert step.calls, "the orchestrator is asked"
    assert [one.event for one in later.records] == [
        one.event for one in step.whole.records[len(step.happened.records) :]
    ]
    assert {record.at for record in later.records} == {9.0}
    assert replace(later.state, at=0.0).turns[0].asked == step.state.turns[0].asked
    assert later.records[0].seq == step.happened.state.seq + 1


def test_a_reply_that_takes_long_is_left_to_be_read_aside() -> None:
    """Checking an answer against the caller's schema may take seconds."""
    schema = {"type": "string"}
    step = next_step(begun(answer_schema=schema), (replied(1),), 3.0)

    assert types_of(step.whole.records) == ["solver_replied"]
    assert step.work == ReadReply(1)


def test_replies_are_read_by_the_reader_that_is_given() -> None:
    failure = ended(1)
    step = next_step(begun(), (replied(1),), 3.0, lambda state, command: failure)

    assert step.whole.records[-1].event == failure


def test_a_batch_applies_its_events_in_their_order() -> None:
    state = begun()
    batch = batch_of(state, (replied(1), replied(2)), 5.0)

    assert [record.seq for record in batch.records] == [state.seq + 1, state.seq + 2]
    assert [explore.id for explore in batch.state.unread] == [1, 2]
    assert batch_of(state, (), 5.0).state is state
