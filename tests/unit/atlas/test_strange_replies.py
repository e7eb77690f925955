"""No reply is too strange to be stored, read back, shown, exported and gone on from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.arrived import solver_replied
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import (
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    SolverFinished,
    SolverReplied,
)
from atlas_mcp.atlas.explore import SolverFailure, read_candidate
from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import (
    MAX_COUNT,
    MAX_TEXT_CHARS,
)
from atlas_mcp.atlas.usage import NO_USAGE, Charge, Usage
from atlas_mcp.atlas.written_json import read_object
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.drawing import draws
from tests.support.played_runs import a_model, a_run, a_solver
from tests.support.strange_replies import (
    BOSSES,
    PRICE,
    SCHEMAS,
    SOLVER_TEXTS,
    SOLVERS,
    Run,
    chat_replies,
    claude_replies,
    nested_text,
    often,
    opened,
    play_on,
)

CANDIDATE_TEXT = '{"approach": "a", "justification": "j", "answer": "42", "confidence_percent": 80}'


@st.composite
def runs(draw: st.DrawFn) -> tuple[Run, list[Any], list[Any]]:
    spec = a_run(
        a_solver("s"),
        orchestrator=a_model("maker/boss", tools=draw(st.booleans())),
        max_explores=draw(st.integers(1, 3)),
        max_cost_usd=draw(st.sampled_from(["0.5", "50", None])),
    )
    problem = Problem("How many?", answer_schema=draw(SCHEMAS))
    solvers = draw(st.lists(SOLVERS, min_size=1, max_size=3))
    return opened(problem, spec), solvers, draw(st.lists(BOSSES, min_size=1, max_size=3))


def is_whole(run: Run) -> None:
    """Check that a run is stored, read back, shown and exported as it is."""
    written = [encode_event(record.event) for record in run.records]
    read = [
        Record(record.seq, record.at, decode_event(line))
        for record, line in zip(run.records, written, strict=True)
    ]
    assert read == run.records
    assert RunState.fold(read) == run.state
    view = view_of(RunSnapshot("r", run.state, 1e9, driven=False))
    shown = view.model_dump_json()
    assert RunView.model_validate_json(shown).run_id == "r"
    assert len(view.candidates) == len(run.state.done)
    for one in view.agreement.groups:
        assert one.explore_ids
    lines = list(write_archive("r", run.records))
    assert read_archive("\n".join(lines), "r.jsonl") == ("r", tuple(run.records))


def is_paid(run: Run) -> None:
    """Check that every call that was made is on record with believable counts, or no known cost."""
    ends = [
        record.event
        for record in run.records
        if isinstance(record.event, SolverReplied | OrchestratorReplied | OrchestratorFailed)
        or (
            isinstance(record.event, SolverFinished)
            and run.state.explores[record.event.explore_id].reply is None
        )
    ]
    assert len(ends) == len(run.calls)
    for end in ends:
        usage = end.charge.usage
        for count in (usage.input_tokens, usage.output_tokens, usage.requests):
            assert 0 <= count <= MAX_COUNT
        assert end.charge.cost is None or (end.charge.cost.is_finite() and end.charge.cost >= 0)
    assert not run.state.ledger.held


@pytest.mark.timeout(3_000)
@often
@given(runs())
def test_a_run_with_any_replies_is_stored_read_shown_exported_and_gone_on_with(
    drawn: tuple[Run, list[Any], list[Any]],
) -> None:
    run, solvers, bosses = drawn

    play_on(run, solvers, bosses)

    is_whole(run)
    is_paid(run)
    calls, ended = len(run.calls), {one.id for one in run.state.done if one.reply is not None}
    cap = run.state.budget.max_cost_usd
    for event in resumption(
        run.state, max_explores=5, max_cost_usd=None if cap is None else cap + 50
    ):
        run.add(event)
    play_on(run, (), ())
    is_whole(run)
    again = [one.intent.explore_id for one in run.calls[calls:] if isinstance(one, RunSolver)]
    assert not ended & set(again)


@pytest.mark.timeout(3_000)
@settings(often, max_examples=draws(500))
@given(claude_replies(SOLVER_TEXTS) | chat_replies(SOLVER_TEXTS))
def test_what_an_endpoint_did_not_count_has_no_known_cost(arrived: object) -> None:
    if not isinstance(arrived, Reply):
        return
    usage, cost = arrived.charge.usage, arrived.charge.cost

    assert all(0 <= count <= 3 * MAX_COUNT for count in (usage.input_tokens, usage.output_tokens))
    if usage.input_tokens == 0 or (usage.output_tokens == 0 and arrived.turn.text):
        assert cost is None
    assert cost is None or cost == PRICE.cost_of(usage) > 0


@pytest.mark.parametrize("levels", [200, 300, 900, 990, 20_000])
@pytest.mark.parametrize("kind", ["[", "{"])
def test_an_answer_nested_too_deep_is_a_failed_candidate(levels: int, kind: str) -> None:
    text = CANDIDATE_TEXT.replace('"42"', nested_text(levels, kind))
    outcome = read_candidate(Reply(AssistantTurn(text), "end", Charge(NO_USAGE, None)), {})

    assert isinstance(outcome, SolverFailure)
    assert outcome.kind == "malformed"
    assert "nested" in outcome.message


def test_a_longer_reply_than_is_kept_is_a_failed_candidate_that_says_so() -> None:
    text = CANDIDATE_TEXT.replace("42", "4" * MAX_TEXT_CHARS)
    reply = Reply(AssistantTurn(text), "end", Charge(Usage(1, 9, 5), Decimal(1)))

    replied = solver_replied(1, reply)

    assert isinstance(replied, SolverReplied)
    assert len(replied.reply.text) == MAX_TEXT_CHARS + 1
    outcome = read_candidate(Reply(replied.reply, replied.stop, replied.charge), None)
    assert outcome == SolverFailure(
        "truncated", "longer than the 1,000,000 characters that are kept of a reply"
    )


@pytest.mark.every_day(2)
@pytest.mark.parametrize("piece", ['{"', '{"a": [', '{"a": "', "{}", '{ "a" : 1, '])
def test_a_reply_full_of_braces_is_read_in_few_passes(piece: str) -> None:
    """The bound is in characters that are read; a pass for each brace would take minutes."""
    assert isinstance(read_object(piece * (MAX_TEXT_CHARS // len(piece)), ("answer",)), str | dict)
