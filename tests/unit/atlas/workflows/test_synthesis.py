"""The end that an orchestrator decides on, and the evidence that is handed over without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.atlas.decisions import Synthesis
from atlas_mcp.atlas.events import Event, StopRequested
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.judgement import judged_groups
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.synthesis import answered, unsynthesized
from tests.support.played_runs import (
    Played,
    Saying,
    a_model,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    in_turn,
    play,
    says,
)

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


# The same answers, in the orchestrator's judgement


@pytest.mark.parametrize(
    ("written", "recorded"),
    [
        ([[1, 3]], ((1, 3),)),
        ([[3, 1], ["#1", "Candidate 4"]], ((1, 3), (1, 4))),
        ([[1, 2, 9], [2, 3]], ()),
        ([[1, 2, 3]], ((1, 3),)),
        ([[0, 2, 3]], ((0, 3),)),
        ([], ()),
        ("rubbish", ()),
        ({"1": "3"}, ()),
        ([[1, None], [[1, 3]], -5], ()),
        (None, ()),
    ],
    ids=repr,
)
def test_what_is_said_of_candidates_is_recorded_and_anything_else_is_dropped(
    written: Any, recorded: tuple[tuple[int, ...], ...]
) -> None:
    """The second explore failed, and there is no ninth. No reply is sent back for it."""
    run = play(
        a_run(prefetch=4),
        answers(same_answers=written),
        solve=in_turn(found("1"), failed(), found("one"), found("42")),
    )

    assert (run.end.answer, run.end.same_answers) == ("42", recorded)
    assert len(run.asks) == 1


def test_an_answer_that_is_not_supported_is_given_by_no_candidate() -> None:
    end = play(a_run(), answers(None, supported=False, same_answers=[[0, 1], [1, 2]])).end

    assert (end.answer, end.same_answers) == (None, ((1, 2),))


def test_a_reply_without_the_field_says_nothing() -> None:
    assert play(a_run(), answers()).end.same_answers == ()


@pytest.mark.parametrize("tools", [True, False])
def test_the_same_answers_are_asked_for_in_the_synthesis_and_in_no_call_of_their_own(
    tools: bool,
) -> None:
    run = play(
        a_run(orchestrator=a_model(tools=tools)),
        answers("24", action="answer", assessment="!", same_answers=[[1, 2]]),
        solve=in_turn(found("24"), found("24 sheep")),
    )

    [ask] = run.asks
    assert "same_answers" in repr(ask.request.schema)
    assert "same_answers" in ask.request.system
    assert run.end.same_answers == ((1, 2),)


def test_judgement_that_was_not_asked_for_is_dropped() -> None:
    small = replace(a_model(), max_string_chars=300)

    assert play(a_run(orchestrator=small), answers(same_answers=[[1, 2]])).end.same_answers == ()


@pytest.mark.requirement("SEEN-13")
def test_a_resumed_run_is_judged_by_its_next_synthesis_alone() -> None:
    first = play(
        a_run(prefetch=3, max_explores=3),
        answers("24", same_answers=[[1, 2]]),
        solve=in_turn(found("24"), found("24 sheep"), found("25"), found("26")),
    )
    assert [group.by for group in judged_groups(first.state)] == ["judgement", "rule"]

    resumed = RunState.fold(followed_by(first.records, *resumption(first.state, max_explores=4)))
    assert judged_groups(resumed) == resumed.groups
    assert {group.by for group in resumed.groups} == {"rule"}


def test_judgement_changes_no_decision_of_a_run() -> None:
    """Groups that are decided on are by rule, also of a run that has been judged."""
    run = play(
        a_run(prefetch=3),
        answers("24", same_answers=[[1, 2]]),
        solve=in_turn(found("24"), found("24 sheep"), found("25")),
    )

    assert [group.explore_ids for group in run.state.groups] == [(1,), (2,), (3,)]
    assert unsynthesized(run.state, "error", "it is overloaded").answer is None


# Without an orchestrator's answer


def running(*candidates: str) -> tuple[RunSpec, Callable[..., Outcome]]:
    """Return the settings of a run that has these candidates and no more, and its solvers."""
    spec = a_run(prefetch=len(candidates), max_explores=len(candidates))
    return spec, in_turn(*map(found, candidates))


FAILING: dict[str, Saying] = {
    "unavailable": failed("unavailable"),
    "out of time": failed("timeout"),
    "rejected": failed("rejected"),
    "refuses": says("No.", "refusal"),
    "writes rubbish": says("It is 42."),
    "breaks off": says('{"answer": "42"}', "max_tokens"),
    "explores for ever": explores({"strategy": "direct"}),
}


def stopped(state: RunState) -> Event | None:
    is_due = bool(state.turns) and state.stop_cause is None and state.finished is None
    return StopRequested("user") if is_due else None


def ended(saying: Saying, *candidates: str) -> Played:
    spec, solve = running(*candidates)
    return play(spec, saying, solve=solve)


@pytest.mark.requirement("SEEN-6")
@pytest.mark.parametrize("how", FAILING)
@pytest.mark.parametrize(
    "candidates",
    [("1",), ("1", "2"), ("1", "2", "3"), ("1", "1", "2", "2"), ("1", "one apple", "2", "3")],
    ids=["a single one", "two apart", "three apart", "a tie", "words apart"],
)
def test_without_a_lead_of_agreeing_candidates_nothing_is_handed_over(
    how: str, candidates: tuple[str, ...]
) -> None:
    spec, solve = running(*candidates)
    end = play(spec, FAILING[how], solve=solve).end

    assert (end.status, end.answer) == ("failed", None)
    assert end.error


@pytest.mark.parametrize("how", FAILING)
def test_the_lead_of_agreeing_candidates_is_handed_over_with_a_warning(how: str) -> None:
    end = ended(FAILING[how], "1", "2", "1.0").end

    assert (end.status, end.answer, end.same_answers) == ("answered", "1", ())
    assert "did not synthesize" in (end.warning or "")


@pytest.mark.parametrize("candidates", [("1", "1"), ("1", "2")])
def test_a_stopped_run_hands_nothing_over(candidates: tuple[str, ...]) -> None:
    spec, solve = running(*candidates)
    end = play(spec, answers("1"), solve=solve, meanwhile=stopped).end

    assert (end.status, end.answer) == ("cancelled", None)


def test_a_resumed_run_whose_orchestrator_fails_again_hands_no_tie_over() -> None:
    run = ended(failed("unavailable"), "1", "2")
    again = followed_by(run.records, *resumption(run.state))

    end = play(run.state.spec, failed("unavailable"), go_on_from=again).end

    assert (end.status, end.answer) == ("failed", None)
