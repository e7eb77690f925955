"""The calls for questions: what is next, what is held, what a reply says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.commands import AskQuestion, Note
from atlas_mcp.atlas.events import DayCapReached, Record, StopRequested
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.holds import hold_for
from atlas_mcp.atlas.question_calls import models_to_call, question_commands
from atlas_mcp.atlas.question_events import QuestionAnswered, QuestionFailed
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import (
    REPLY,
    Played,
    a_run,
    answers,
    followed_by,
    play,
    posed,
    questioned,
    says,
)


def ended() -> Played:
    return play(a_run(max_cost_usd="5"), answers())


def outcome_of(text: str, end: Any = "end") -> object:
    return questioned(ended(), says(text, end)).state.questions[1].outcome


def test_a_question_is_put_to_the_orchestrator_with_its_hold() -> None:
    state = RunState.fold(posed(ended()))

    (command,) = question_commands(state)

    assert isinstance(command, AskQuestion)
    spec = state.spec.orchestrator
    assert spec is not None
    assert models_to_call(state) == (spec,)
    hold = hold_for(spec, command.request, state.ledger.available)
    assert hold is not None
    assert command.intent.hold_usd == hold.amount
    assert command.request.turns == (command.intent.said,)
    assert not command.request.tools


def test_two_questions_at_once_are_both_asked() -> None:
    run = ended()
    records = posed(run, "Why?")
    one = Played(records, live=[RunState.fold(records)])
    again = play(run.state.spec, says(REPLY), go_on_from=posed(one, "How?", driven=True))

    assert again.order == "qq"
    assert again.peak == 2
    assert len(again.state.questions) == 2


def test_a_question_that_the_cap_no_longer_bears_fails_without_a_call() -> None:
    run = ended()
    records = posed(run)
    poor = RunState.fold(records)
    spent = poor.ledger.committed
    (command,) = question_commands(
        RunState.fold(records).apply(
            Record(len(records) + 1, records[-1].at, DayCapReached(spent, Decimal(1)))
        )
    )

    assert isinstance(command, Note)
    assert isinstance(command.event, QuestionFailed)


def test_a_stopped_question_that_was_not_asked_costs_nothing() -> None:
    state = RunState.fold(followed_by(posed(ended()), StopRequested("user")))

    (command,) = question_commands(state)

    assert isinstance(command, Note)
    assert isinstance(command.event, QuestionFailed)
    assert command.event.failure.kind == "cancelled"


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        (
            {"answer": " So. ", "cites": [2, 1, 2, 99, "x"], "needs_new_evidence": " A check. "},
            QuestionAnswered(1, "So.", (2, 1), "A check."),
        ),
        ({"answer": "So.", "cites": None, "needs_new_evidence": ""}, QuestionAnswered(1, "So.")),
        ({"answer": "So."}, QuestionAnswered(1, "So.")),
    ],
)
def test_a_reply_is_read(reply: object, read: QuestionAnswered) -> None:
    assert outcome_of(json.dumps(reply)) == read


def test_prose_is_an_answer_too() -> None:
    assert outcome_of("Since {1, 2} is the set.") == QuestionAnswered(1, "Since {1, 2} is the set.")


@pytest.mark.parametrize(
    ("text", "end", "kind"),
    [("", "end", "malformed"), ("I", "refusal", "refused"), (REPLY, "max_tokens", "truncated")],
)
def test_a_reply_without_an_answer_is_a_failure(text: str, end: str, kind: str) -> None:
    outcome = outcome_of(text, end)

    assert isinstance(outcome, SolverFailure)
    assert outcome.kind == kind
