"""What the records of a question change in their run, and what they leave."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.events import CallsLost, DayCapReached, StopRequested
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_transitions import evidence_of
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import (
    Played,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    play,
    posed,
    questioned,
)


def ended(**limits: Any) -> Played:
    return play(a_run(**limits), explores({}), answers())


@pytest.mark.parametrize("cut", range(5))
def test_a_question_leaves_how_its_run_ended_as_it_was(cut: int) -> None:
    run = ended()
    asked = questioned(run)
    before, after = run.state, RunState.fold(asked.records[: len(run.records) + cut])

    assert (after.finished, after.finished_at) == (before.finished, before.finished_at)
    assert (after.stop_cause, after.day_cap_usd, after.idle_s) == (None, None, before.idle_s)
    assert (after.turns, after.explores) == (before.turns, before.explores)
    assert evidence_of(after) == evidence_of(before)


def test_what_a_question_costs_is_the_orchestrator_s_and_is_settled() -> None:
    run = ended()
    asked = questioned(run)
    cost = asked.state.questions[1].charge.cost

    assert cost
    assert asked.state.cost_usd == (run.state.cost_usd or 0) + cost
    assert asked.state.orchestrator_charge.cost == (run.state.orchestrator_charge.cost or 0) + cost
    assert not asked.state.ledger.held


def test_a_call_that_fails_is_paid_with_its_failure() -> None:
    asked = questioned(ended(), failed("unavailable"))
    question, cost = asked.state.questions[1], asked.state.orchestrator_charge.cost

    assert isinstance(question.outcome, SolverFailure)
    assert cost is not None
    assert question.charge.cost == cost - (ended().state.orchestrator_charge.cost or 0)


def test_an_open_question_of_a_process_that_is_gone_lapses_and_its_hold_counts_as_gone() -> None:
    run = ended()
    asked = questioned(run)
    in_flight = asked.records[: len(run.records) + 2]
    held = sum(RunState.fold(in_flight).ledger.held.values())

    after = RunState.fold(followed_by(in_flight, CallsLost(), at=9_000.0))

    assert held > 0
    assert after.ledger.uncertain == run.state.ledger.uncertain + held
    assert after.questions[1].lapsed
    assert after.idle_s == run.state.idle_s, "a run that has ended is not idle"
    assert after.finished == run.state.finished


def test_a_stop_ends_the_questions_of_an_ended_run_and_nothing_else() -> None:
    run = ended()
    records = followed_by(posed(run), StopRequested("client"))
    stopped = play(run.state.spec, go_on_from=records)

    assert stopped.state.finished == run.state.finished
    assert stopped.state.stop_cause is None
    assert stopped.order == ""
    assert stopped.records[-1].event.type == "question_failed"


def test_the_cap_of_the_day_is_told_of_the_question_and_not_of_its_run() -> None:
    run = ended(max_cost_usd="50")
    spent = run.state.ledger.committed
    records = followed_by(posed(run), DayCapReached(spent, Decimal(1)))

    asked = play(run.state.spec, go_on_from=records)

    assert asked.state.day_cap_usd is None
    outcome = asked.state.questions[1].outcome
    assert isinstance(outcome, SolverFailure)
    assert "max_cost_usd_per_day" in outcome.text
    again = RunState.fold(posed(asked, "What else?"))
    assert again.ledger.limit == Decimal(50), "another day may leave more"


def test_an_answered_question_is_not_posed_again_under_its_number() -> None:
    asked = questioned(ended())
    question = replace(asked.state.questions[1].posed)

    with pytest.raises(ValueError, match="once"):
        asked.state.apply(followed_by(asked.records, question)[-1])
