"""Which questions are accepted, under which number and for which model."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.events import CallsLost, RunResumed
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import QuestionPosed
from atlas_mcp.atlas.questions import (
    MAX_QUESTION_CHARS,
    QuestionRequest,
    check_question,
    model_for,
    pose,
    price_of_question,
)
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import (
    Played,
    a_model,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    followed_by,
    found,
    opened,
    play,
    posed,
    questioned,
    with_outcomes,
)

WHY = QuestionRequest("Why not 17?")


def ended(**settings: Any) -> Played:
    return play(a_run(**settings), answers())


def numbers(state: RunState, request: QuestionRequest = WHY, *, driven: bool = False) -> list[int]:
    events = pose(state, request, driven=driven)
    return [event.number for event in events if isinstance(event, QuestionPosed)]


@pytest.mark.parametrize(
    ("question", "rule"),
    [(" \n", "empty"), ("a" * (MAX_QUESTION_CHARS + 1), "at most 4,000"), ("\ud800", "Unicode")],
)
def test_a_question_that_is_none_is_refused(question: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        check_question(question)


def test_runs_that_ended_and_runs_that_were_interrupted_can_be_asked() -> None:
    interrupted = with_outcomes(opened(), ("s", found()))
    for state in (ended().state, play(a_run(), failed()).state, interrupted):
        assert numbers(state) == [1]


def test_an_interrupted_run_that_was_asked_rests_and_makes_no_call_of_its_own() -> None:
    whole = play(a_run(), explores({}), answers())
    cut = next(
        number for number, one in enumerate(whole.records) if one.event.type == "solver_finished"
    )
    records = whole.records[:cut]
    run = Played(records, live=[RunState.fold(records)])

    asked = questioned(run)

    assert asked.order == "q"
    assert asked.state.finished is None
    assert asked.state.resting
    resumed = play(
        asked.state.spec, answers(), go_on_from=followed_by(asked.records, *resumption(asked.state))
    )
    assert resumed.end.status == "answered"
    assert not resumed.state.resting


def test_a_run_that_goes_on_is_asked_nothing() -> None:
    with pytest.raises(InvalidInput, match="still going"):
        pose(opened(), WHY, driven=True)


def test_a_question_that_was_answered_is_asked_again_only_when_that_is_wanted() -> None:
    state = questioned(ended()).state

    assert numbers(state, QuestionRequest("Why  not 17? ")) == []
    assert numbers(state, QuestionRequest("Why not 17?", fresh=True)) == [2]
    assert numbers(state, QuestionRequest("And 18?")) == [2]
    assert price_of_question(state, WHY) == 0
    assert price_of_question(state, QuestionRequest("And 18?")) > 0


def test_new_evidence_makes_an_answered_question_a_new_one() -> None:
    asked = questioned(ended(max_explores=3))
    more = play(
        asked.state.spec,
        answers("43"),
        go_on_from=followed_by(asked.records, RunResumed("Go on.", 4)),
    )

    assert numbers(more.state) == [2]


def test_a_question_that_failed_or_lapsed_is_asked_again_under_its_number() -> None:
    lapsed = RunState.fold(followed_by(posed(ended()), CallsLost()))

    assert numbers(questioned(ended(), failed()).state) == [1]
    assert numbers(lapsed) == [1]
    assert numbers(RunState.fold(posed(ended()))) == [1], "no process is left that would ask it"


def test_a_question_that_is_being_asked_is_not_asked_twice() -> None:
    waiting = RunState.fold(posed(ended()))

    assert pose(waiting, WHY, driven=True) == ()
    assert numbers(waiting, QuestionRequest("And 18?"), driven=True) == [2]


def test_a_question_beyond_the_cap_is_refused_with_the_cap_that_would_do() -> None:
    state = ended(max_cost_usd="5").state
    spent = state.ledger.committed

    with pytest.raises(InvalidInput) as refused:
        pose(_with_cap(state, spent + Decimal("0.001")), WHY, driven=False)

    assert refused.value.argument == "max_cost_usd"
    enough = re.search(r"max_cost_usd=([\d.]+)", refused.value.rule)
    assert enough is not None
    cap = Decimal(enough[1])
    events = pose(
        _with_cap(state, spent + Decimal("0.001")),
        QuestionRequest("Why not 17?", max_cost_usd=cap),
        driven=False,
    )
    assert isinstance(events[-1], QuestionPosed)
    assert events[-1].max_cost_usd == cap


def _with_cap(state: RunState, cap: Decimal) -> RunState:
    budget = replace(state.budget, max_cost_usd=cap)
    ledger = replace(state.ledger, limit=cap)
    return replace(state, spec=replace(state.spec, budget=budget), ledger=ledger)


def test_a_cap_is_raised_and_never_lowered() -> None:
    with pytest.raises(InvalidInput, match="can only be raised"):
        pose(
            ended(max_cost_usd="5").state,
            QuestionRequest("?", max_cost_usd=Decimal(4)),
            driven=False,
        )


def test_the_orchestrator_answers_or_else_the_configured_one_or_the_first_solver() -> None:
    boss, other = a_model("maker/boss"), a_model("maker/other")
    orchestrated = opened(orchestrator=boss)
    gathered = opened(a_solver("s"), workflow="explore")

    assert model_for(orchestrated, other) == boss
    assert model_for(gathered, other) == other
    assert model_for(gathered, None) == gathered.spec.solvers[0].spec


def test_a_model_that_does_not_see_the_pictures_is_not_asked() -> None:
    pictured = Problem("What is it?", (Image("image/png", "aGk="),))
    sees = a_solver("s", spec=a_model("maker/s", images=True))
    state = opened(sees, problem=pictured, workflow="explore")

    assert model_for(state, a_model("maker/blind")) == sees.spec
    with pytest.raises(InvalidInput, match="pictures"):
        model_for(opened(problem=pictured), None)


def test_a_run_of_a_workflow_that_is_not_known_is_asked_nothing() -> None:
    state = ended().state
    strange = replace(state, spec=replace(state.spec, workflow="of-tomorrow"))

    with pytest.raises(InvalidInput, match="cannot carry the run on"):
        pose(strange, WHY, driven=False)
