"""The end that an orchestrator decides on, and the evidence that is handed over without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_mcp.atlas.decisions import Synthesis
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.synthesis import answered, unsynthesized
from tests.support.played_runs import a_run, answers, found, in_turn, play

SYNTHESIS = Synthesis("42", "Both say so.", 0.9, "One says 41.")


def test_an_answer_that_had_to_be_given_says_which_limit_asked_for_it() -> None:
    run = play(a_run(max_explores=2), answers())
    decided = play(a_run(), answers())

    assert answered(run.state, run.state.turns[-1], SYNTHESIS).stop_reason == "max_explores"
    assert answered(decided.state, decided.state.turns[-1], SYNTHESIS).stop_reason == "decided"


def test_an_unsupported_answer_ends_without_one_and_without_confidence() -> None:
    state = play(a_run(), answers()).state

    end = answered(state, state.turns[-1], replace(SYNTHESIS, answer=None))

    assert (end.answer, end.confidence, end.stop_reason) == (None, None, "no_supported_answer")
    assert (end.explanation, end.dissent) == (SYNTHESIS.explanation, SYNTHESIS.dissent)


def outcomes(*found_or_failed: Outcome) -> RunState:
    """Return a run whose prefetched explores had these outcomes."""
    spec = a_run(prefetch=len(found_or_failed))
    return play(spec, answers(), solve=in_turn(*found_or_failed)).state


def test_a_majority_is_handed_over_with_a_warning_where_the_orchestrator_gave_no_answer() -> None:
    end = unsynthesized(outcomes(found("1"), found("2"), found("1")), "error", "it is overloaded")

    assert (end.status, end.answer, end.confidence) == ("answered", "1", None)
    assert end.explanation == "2 of 3 candidates agree on this answer."
    assert "overloaded" in (end.warning or "")


@pytest.mark.parametrize(
    "answers_given", [("1", "2"), ("1", "1", "2", "2")], ids=["all differ", "a tie"]
)
def test_anything_less_than_a_majority_is_no_answer(answers_given: tuple[str, ...]) -> None:
    end = unsynthesized(outcomes(*map(found, answers_given)), "error", "it is overloaded")

    assert (end.status, end.answer, end.error) == ("failed", None, "it is overloaded")
