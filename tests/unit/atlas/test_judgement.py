"""The orchestrator's judgement of which candidates agree is for words, and overrules no rule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.judgement import judged_groups
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_USAGE, Charge
from tests.support.played_runs import a_run, followed_by, found


def judged(
    *given: Any, named: Sequence[Sequence[int]], answer: Any, schema: dict[str, Any] | None = None
) -> list[tuple[Any, str]]:
    """Return the groups of a run with an end, each with its grounds."""
    planned = tuple(Planned(number, Explore("s")) for number in range(1, len(given) + 1))
    first = Record(1, 0.0, RunOpened(Problem("Which?", answer_schema=schema), a_run()))
    events: list[Event] = [ExploresPlanned("prefetch", planned)]
    events += [SolverStarted(one.explore_id, Decimal(0)) for one in planned]
    events += [
        SolverFinished(number, found(one), Charge(NO_USAGE, Decimal(0), Decimal(0)))
        for number, one in enumerate(given, start=1)
    ]
    end = RunFinished("answered", "decided", answer, same_answers=tuple(map(tuple, named)))
    state = RunState.fold(followed_by([first], *events, end))
    return [(group.answer, group.by) for group in judged_groups(state)]


def test_judgement_makes_words_one_with_a_number() -> None:
    named = [[1, 2]]

    assert judged("24", "Two dozen of them", named=named, answer="24") == [("24", "judgement")]


@pytest.mark.parametrize(
    ("given", "named", "answer", "schema"),
    [
        ((41, 42), [[0, 1, 2]], 77, {"type": "integer"}),
        (("red", "green"), [[1, 2]], "red", {"enum": ["red", "green"]}),
        (("41", "42"), [[1, 2]], "41", None),
        (("41", "some more of them"), [[0, 1, 2]], "42", None),
    ],
)
def test_judgement_overrules_no_rule(
    given: Sequence[Any],
    named: Sequence[Sequence[int]],
    answer: Any,
    schema: dict[str, Any] | None,
) -> None:
    groups = judged(*given, named=named, answer=answer, schema=schema)

    assert groups == [(one, "rule") for one in given]
