"""Records that version 2 stored and could not read again: read as far as they can be."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import AskOrchestrator
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    OrchestratorReplied,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore, SolverFailure
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import JournalCorrupt
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.played_runs import a_run, followed_by, text_of
from tests.support.strange_replies import nested_text

COUNTS = {
    "requests": 1,
    "input_tokens": 100,
    "output_tokens": 50,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
}
CANDIDATE = {
    "answer": "42",
    "reasoning": "So.",
    "approach": "Counts.",
    "confidence": 0.5,
    "status": "ok",
}
SOLVER: dict[str, Any] = {
    "explore_id": 1,
    "outcome": CANDIDATE,
    "usage": COUNTS,
    "cost_usd": "0.25",
    "uncertain_usd": "0",
    "type": "solver_finished",
}
REPLY: dict[str, Any] = {"text": "I look.", "tool_calls": [], "verbatim": None, "role": "assistant"}
TURN: dict[str, Any] = {
    "turn": 1,
    "reply": REPLY,
    "stop": "tool_calls",
    "detail": "",
    "usage": COUNTS,
    "cost_usd": "0.25",
    "uncertain_usd": "0",
    "type": "orchestrator_replied",
}
END: dict[str, Any] = {
    "status": "answered",
    "stop_reason": "decided",
    "answer": "42",
    "explanation": "Both say so.",
    "type": "run_finished",
}


def written(body: dict[str, Any], **changes: str) -> str:
    """Return a record as JSON, some of it as it is written already."""
    fields = {key: json.dumps(value) for key, value in body.items()} | changes
    return "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def folded(*events: Event) -> RunState:
    """Return a run with one solver's call open, and what follows."""
    first = Record(1, 0.0, RunOpened(Problem("How many?"), a_run()))
    planned = ExploresPlanned("prefetch", (Planned(1, Explore("s")),))
    return RunState.fold(followed_by([first], planned, SolverStarted(1, Decimal(1)), *events))


@pytest.mark.parametrize("levels", [200, 253])
def test_a_candidate_nested_too_deep_is_a_failure_that_keeps_its_cost(levels: int) -> None:
    outcome = written(CANDIDATE, answer=nested_text(levels))

    event = decode_event(written(SOLVER, outcome=outcome))

    assert isinstance(event, SolverFinished)
    assert event.outcome == SolverFailure(
        "malformed",
        "the record of it cannot be read back: it is nested deeper than 100 levels",
    )
    assert (event.charge.usage, event.charge.cost) == (Usage(1, 100, 50), Decimal("0.25"))
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("cost", ["NaN", '"NaN"', '"-1"', '"1E+70"', "[]", "9" * 5_000])
def test_a_cost_that_is_none_is_unknown_and_the_candidate_stays(cost: str) -> None:
    event = decode_event(written(SOLVER, cost_usd=cost))
    state = folded(event)

    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, Candidate)
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    assert view.model_validate_json(view.model_dump_json()).candidates[0].answer == "42"


@pytest.mark.parametrize("count", ["1" + "0" * 60, "9" * 5_000, "-5", "1e400", '"many"', "[1]"])
def test_a_count_that_is_none_can_be_shown_and_gone_on_from(count: str) -> None:
    event = decode_event(written(SOLVER, usage=written(COUNTS, input_tokens=count)))
    state = folded(event)

    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    assert view.model_validate_json(view.model_dump_json()).candidates[0].answer == "42"
    assert next_commands(state)


def test_a_call_whose_id_is_a_number_is_one_that_can_be_answered() -> None:
    call = {"id": 7, "name": "explore", "arguments": {"strategy": "direct"}, "fault": None}
    reply = {**REPLY, "tool_calls": [call], "verbatim": {"content": [{"id": 7}]}}

    event = decode_event(written({**TURN, "reply": reply}))

    assert isinstance(event, OrchestratorReplied)
    assert [(one.id, one.name) for one in event.reply.tool_calls] == [("7", "explore")]
    # The vendor's own message would answer to another id.
    assert event.reply.verbatim is None
    assert (event.reply.text, event.charge.cost) == ("I look.", Decimal("0.25"))


def test_arguments_nested_too_deep_leave_their_call_and_the_text() -> None:
    call = written({"id": "t", "name": "explore"}, arguments=f'{{"a": {nested_text(240)}}}')
    event = decode_event(written(TURN, reply=written(REPLY, tool_calls=f"[{call}]")))

    assert isinstance(event, OrchestratorReplied)
    assert [one.id for one in event.reply.tool_calls] == ["t"]
    assert decode_event(encode_event(event)) == event


def test_an_end_whose_answer_cannot_be_read_is_none_and_can_be_resumed() -> None:
    event = decode_event(written(END, answer=nested_text(230)))
    found = decode_event(written(SOLVER))
    state = folded(found, event)

    assert isinstance(event, RunFinished)
    assert (event.status, event.answer, event.explanation) == ("failed", None, "Both say so.")
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    assert [one.answer for one in view.candidates] == ["42"]
    assert resumption(state)


@pytest.mark.parametrize(
    "line",
    [
        written(SOLVER)[:-1],
        written(SOLVER)[:60],
        "",
        "null",
        '{"type": "something_new"}',
        '{"type": "solver_finished"}',
        '{"type": "solver_started", "explore_id": "x", "hold_usd": 1}',
        '{"type": "orchestrator_replied", "turn": "x"}',
    ],
)
def test_a_record_that_is_torn_or_of_ours_is_not_repaired(line: str) -> None:
    with pytest.raises(JournalCorrupt):
        decode_event(line)


def test_a_run_with_a_repaired_record_goes_on_and_tells_its_orchestrator() -> None:
    outcome = written(CANDIDATE, answer=nested_text(250))
    state = folded(decode_event(written(SOLVER, outcome=outcome)))

    (command,) = next_commands(state)

    assert isinstance(command, AskOrchestrator)
    assert "cannot be read back" in text_of(command.request.turns[-1])
