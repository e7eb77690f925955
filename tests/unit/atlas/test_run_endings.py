"""The end of a run says how it came about, and keeps the evidence that was paid for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.decisions import Synthesis
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_endings import (
    NOT_RUN,
    answered,
    failures_text,
    gathered,
    unprepared,
    unsynthesized,
    why_no_money,
)
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import a_run, answers, failed, found, play


def test_an_answer_that_had_to_be_given_says_which_limit_asked_for_it() -> None:
    run = play(a_run(max_explores=2), answers())
    decided = play(a_run(), answers())

    assert answered(run.state.turns[-1], SYNTHESIS).stop_reason == "max_explores"
    assert answered(decided.state.turns[-1], SYNTHESIS).stop_reason == "decided"


def test_an_unsupported_answer_ends_without_one_and_without_confidence() -> None:
    end = answered(play(a_run(), answers()).state.turns[-1], replace(SYNTHESIS, answer=None))

    assert (end.answer, end.confidence, end.stop_reason) == (None, None, "no_supported_answer")
    assert (end.explanation, end.dissent) == (SYNTHESIS.explanation, SYNTHESIS.dissent)


SYNTHESIS = Synthesis("42", "Both say so.", 0.9, "One says 41.")


def test_models_that_cannot_be_had_end_a_run_by_their_fault_or_by_its_limit() -> None:
    state = RunState.fold(play(a_run()).records[:1])
    assert unprepared(state, "no key") == (RunFinished("failed", "error", error="no key"),)
    (late,) = unprepared(state, None)
    assert (late.status, late.stop_reason) == ("failed", "deadline")
    assert "not ready" in (late.error or "")
    assert unprepared(replace(state, stop_cause="user"), None) == (), "it ends by its stop"


def outcomes(*found_or_failed: Outcome) -> RunState:
    """Return a run whose prefetched explores had these outcomes."""
    return play(
        a_run(prefetch=len(found_or_failed)),
        answers(),
        solve=lambda one: found_or_failed[(one.intent.explore_id - 1) % len(found_or_failed)],
    ).state


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


def test_the_end_of_a_client_s_explores_is_its_candidates_or_what_they_failed_of() -> None:
    assert gathered(outcomes(found(), found())) == RunFinished("answered", "decided")
    end = gathered(play(a_run(), solve=lambda one: failed("rejected", "no key")).state)
    assert (end.status, end.stop_reason) == ("failed", "no_candidates")
    assert "(2 failed). rejected: no key" in (end.error or "")


@pytest.mark.parametrize("limit", ["deadline", "max_explores", "max_cost", None])
def test_a_run_without_an_explore_says_which_limit_stood_in_the_way(
    limit: StopReason | None,
) -> None:
    state = play(a_run(prefetch=0), answers()).live[0]

    assert failures_text(state, limit) == f"No solver was run. {NOT_RUN[limit]}"


def test_the_cap_of_the_day_is_told_in_place_of_the_run_s() -> None:
    state = play(a_run(), answers()).live[0]

    assert why_no_money(state, "The cap is low.") == "The cap is low."
    day = replace(state, day_cap_usd=Decimal(20))
    assert "$20.00" in why_no_money(day, "The cap is low.")
    assert "max_cost_usd_per_day" in failures_text(day, "max_cost")
