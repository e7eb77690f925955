"""Commands say what is to be done next, and calls carry the intent that announces them."""

from __future__ import annotations

from typing import get_args

from atlas_mcp.atlas.commands import Call, Command, Note, Work
from atlas_mcp.atlas.events import OrchestratorAsked, SolverStarted
from tests.support.played_runs import a_run, answers, explores, play, words_of


def test_a_call_is_announced_by_its_intent_and_numbered_by_its_attempts() -> None:
    run = play(a_run(), explores({}), answers())

    assert all(isinstance(call, get_args(Call)) for call in run.calls)
    assert {(call.attempt, call.not_before) for call in run.calls} == {(1, 0.0)}
    intents = [call.intent for call in run.calls]
    recorded = [
        record.event
        for record in run.records
        if isinstance(record.event, SolverStarted | OrchestratorAsked)
    ]
    assert intents == recorded


def test_the_request_of_a_solver_s_call_asks_for_its_explore_and_nothing_else() -> None:
    run = play(a_run(), explores({"instruction": "Use modular arithmetic."}), answers())
    last = run.solves[-1]

    assert last.explore == run.state.explores[last.intent.explore_id].planned.explore
    assert "Use modular arithmetic." in words_of(last.request)
    assert all("modular" not in words_of(solve.request) for solve in run.solves[:-1])


def test_every_command_is_a_note_work_or_a_call() -> None:
    assert set(get_args(Command)) == {Note, *get_args(Work), *get_args(Call)}
