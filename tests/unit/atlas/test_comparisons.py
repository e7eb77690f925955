"""Answers that are expressions are compared when their round has ended, never twice together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.atlas import comparisons
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import AskOrchestrator, CompareAnswers
from atlas_mcp.atlas.comparing.algebra.nodes import Node
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.trees import asks_for_a_form
from atlas_mcp.atlas.comparisons import MOST_COMPARED, due_comparison
from atlas_mcp.atlas.events import (
    AnswersCompared,
    Event,
    Record,
    RecordLost,
    RunOpened,
    StopRequested,
)
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import Played, a_run, answers, followed_by, found, in_turn, play
from tests.support.trees import tree

COSH, SUM = "cosh(x)", "(exp(x) + exp(-x))/2"


@pytest.fixture(autouse=True)
def written_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read answers as Python writes expressions; words are none."""

    def read(answer: str, asked: Asked) -> Node | None:
        return None if answer.isalpha() else tree(answer)

    monkeypatch.setattr(comparisons, "tree_of", read)


def played(*given: Any, problem: Problem | None = None) -> Played:
    """Return a run at whose end each of these answers has come from an explore of its own."""
    return play(
        a_run(prefetch=len(given), max_explores=len(given), max_parallel=len(given)),
        answers(),
        solve=in_turn(*(found(one) for one in given)),
        problem=problem,
    )


def before_its_turn(run: Played, *events: Event) -> RunState:
    """Return the state of a run at the end of its explores, and after these events."""
    ended = [one for one in run.records if one.event.type == "solver_finished"][-1].seq
    return RunState.fold(followed_by(run.records[:ended], *events))


def compared_in(run: Played) -> list[AnswersCompared]:
    return [one.event for one in run.records if isinstance(one.event, AnswersCompared)]


def test_expressions_are_compared_before_the_orchestrator_is_asked() -> None:
    run = played(COSH, SUM, "cat", COSH)
    state = before_its_turn(run)

    assert next_commands(state) == (CompareAnswers((1, 2), (tree(COSH), tree(SUM)), ((0, 1),)),)
    assert compared_in(run) == [AnswersCompared((1, 2))]
    after = before_its_turn(run, AnswersCompared((1, 2)))
    assert isinstance(next_commands(after)[0], AskOrchestrator)


@pytest.mark.parametrize(
    "given",
    [
        (COSH,),
        (COSH, COSH),
        (COSH, "cat"),
        ("1", "2"),
        ("x + 1", "y + 1"),
        ("x*y", "x*z"),
        ("x - x + 1", "1"),
        (5, "x + 1"),
    ],
)
def test_nothing_is_compared_that_cannot_be_the_same(given: Sequence[Any]) -> None:
    assert due_comparison(played(*given).state) is None


def test_constants_are_compared_with_numbers() -> None:
    command = due_comparison(before_its_turn(played("cos(pi/7)*cos(2*pi/7)*cos(3*pi/7)", "1/8")))

    assert command is not None
    assert command.explore_ids == (1, 2)


@pytest.mark.parametrize(
    "question",
    [
        "Factor x^2 + 2x + 1 completely.",
        "Simplify sin(2x).",
        "Expand (x + 1)^2.",
        "Give the answer as a fraction in lowest terms.",
        "What is it, rounded to two decimals?",
        "Write it in the form a + b√2.",
        "Express tan x in terms of sin x.",
        "Vereinfache den Term.",
        "Factorisez le polynôme.",
    ],
)
def test_where_a_form_is_asked_for_nothing_is_compared(question: str) -> None:
    assert asks_for_a_form(question)
    assert due_comparison(played(COSH, SUM, problem=Problem(question)).state) is None


@pytest.mark.parametrize(
    ("schema", "is_due"),
    [
        ({"type": "string"}, True),
        ({"type": "string", "description": "A term.", "maxLength": 90}, True),
        ({"type": "string", "pattern": "s.*"}, False),
        ({"type": "string", "enum": [COSH, SUM]}, False),
        ({"type": ["string", "null"]}, False),
        ({}, False),
    ],
)
def test_under_a_schema_only_free_text_is_compared(schema: dict[str, Any], is_due: bool) -> None:
    run = played(COSH, SUM, problem=Problem("?", answer_schema=schema))

    assert (due_comparison(before_its_turn(run)) is not None) == is_due


def test_a_group_that_was_compared_is_compared_with_new_ones_alone() -> None:
    run = played(COSH, SUM, "x + 1", COSH)
    state = before_its_turn(run, AnswersCompared((4, 2)))

    command = due_comparison(state)

    assert command is not None
    assert [tuple(command.explore_ids[i] for i in pair) for pair in command.pairs] == [
        (1, 3),
        (2, 3),
    ]


def test_a_comparison_that_failed_is_not_made_again() -> None:
    run = played(COSH, SUM)
    state = before_its_turn(run, AnswersCompared((1, 2), fault="no time"))

    assert due_comparison(state) is None


def test_no_more_answers_are_compared_than_there_is_time_for() -> None:
    command = due_comparison(before_its_turn(played(*(f"x + {i}" for i in range(15)))))

    assert command is not None
    assert len(command.explore_ids) == MOST_COMPARED


def test_a_run_that_is_to_stop_compares_nothing() -> None:
    state = before_its_turn(played(COSH, SUM), StopRequested("user"))

    assert not any(isinstance(one, CompareAnswers) for one in next_commands(state))


def test_what_was_proved_is_the_same_whichever_comparison_said_it() -> None:
    run = played("x + 7", "x + 8", "x + 1", "x + 2", "x + 9")
    compared = AnswersCompared((1, 2, 3, 4), ((1, 2), (3, 4)))

    state = before_its_turn(run, compared, AnswersCompared((2, 5), ((2, 5),)))

    assert state.proved == ({1, 2}, {3, 4}, {2, 5})
    assert state.comparisons[0] == compared
    assert [(one.answer, one.explore_ids, one.by) for one in state.groups] == [
        ("x + 7", (1, 2, 5), "rule"),
        ("x + 1", (3, 4), "rule"),
    ]


@pytest.mark.parametrize("event", [AnswersCompared((7,)), AnswersCompared((1,), ((1, 9),))])
def test_a_comparison_of_answers_that_there_are_not_does_not_fit(event: AnswersCompared) -> None:
    state = before_its_turn(played(COSH, SUM))

    with pytest.raises((LookupError, ValueError)):
        state.apply(Record(state.seq + 1, state.at, event))


def test_a_run_that_an_older_version_opened_is_compared_too() -> None:
    run = played(COSH, SUM)
    opened = run.records[0].event
    assert isinstance(opened, RunOpened)
    older = [replace(run.records[0], event=replace(opened, version=3)), *run.records[1:]]

    lines = [encode_event(one.event) for one in older]
    again = [replace(one, event=decode_event(line)) for one, line in zip(older, lines, strict=True)]

    assert RunState.fold(again).comparisons == (AnswersCompared((1, 2)),)


def test_a_comparison_without_its_later_fields_is_read() -> None:
    line = '{"type": "answers_compared", "explore_ids": [1, 2]}'

    assert decode_event(line) == AnswersCompared((1, 2))


def test_a_comparison_whose_answers_are_lost_counts_as_lost() -> None:
    run = played(COSH, SUM)
    ended = next(one.seq for one in run.records if one.event.type == "solver_finished")
    lost = [
        replace(one, event=RecordLost("gone")) if one.seq == ended else one for one in run.records
    ]

    state = RunState.fold(lost)

    assert state.comparisons == ()
    assert state.lost > 1
