"""The names of calls in the ledger of their run."""

from __future__ import annotations

from atlas_mcp.atlas.call_names import call_key, call_named, question_call, solver_call
from atlas_mcp.atlas.events import OrchestratorReplied, SolverFinished
from atlas_mcp.atlas.question_events import QuestionReplied
from tests.support.played_runs import a_run, answers, explores, play, questioned


def test_a_call_has_one_name_from_its_intent_to_its_end() -> None:
    run = questioned(play(a_run(), explores({}), answers()))
    calls = run.calls
    ends = [
        call_key(record.event)
        for record in run.records
        if isinstance(record.event, SolverFinished | OrchestratorReplied | QuestionReplied)
    ]

    assert [call_key(call.intent) for call in calls] == [question_call(1)]
    assert len(set(ends)) == len(ends)
    assert {question_call(1), solver_call(1), "orchestrator-1"} <= {*ends}


def test_a_name_is_read_as_it_was_written() -> None:
    assert call_named(solver_call(3)) == ("solver", 3)
    assert call_named(question_call(2)) == ("question", 2)
    assert call_named("orchestrator-12") == ("orchestrator", 12)


def test_what_no_call_is_called_names_none() -> None:
    for key in (
        "",
        "solver",
        "solver-",
        "solver--1",
        "solver-٣",
        "other-1",
        f"solver-{'9' * 5_000}",
    ):
        assert call_named(key) is None
