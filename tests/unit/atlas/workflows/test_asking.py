"""The orchestrator's call, in the words of a workflow that is none of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from atlas_mcp.atlas.briefing import Words
from atlas_mcp.atlas.commands import AskOrchestrator, Note
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.messages import Tool
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.asking import Opening, ask_orchestrator
from tests.support.played_runs import a_run, answers, explores, play, text_of

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"best": {"type": "integer"}}}


def opening(state: RunState) -> Opening:
    return Opening("Choose.", (Tool("look", "Look.", {"type": "object"}),))


def test_the_first_call_has_the_words_of_its_workflow_and_a_hold() -> None:
    state = RunState.fold(play(a_run()).records[:1])

    command = ask_orchestrator(state, opening, SCHEMA)

    assert isinstance(command, AskOrchestrator)
    assert (command.request.system, command.request.tools) == opening(state)
    assert (command.intent.turn, command.intent.schema) == (1, SCHEMA)
    assert command.intent.hold_usd > 0


def test_later_calls_keep_the_words_of_the_first() -> None:
    run = play(a_run(), explores({"strategy": "direct"}), answers())
    first = run.state.turns[0].asked

    command = ask_orchestrator(run.state, opening, SCHEMA)

    assert isinstance(command, AskOrchestrator)
    assert (command.request.system, command.request.tools) == (first.system, first.tools)
    assert command.request.turns[:-1] == run.state.history


def test_a_run_that_cannot_pay_for_it_ends() -> None:
    opened = play(a_run(max_cost_usd="0.000001")).records[:1]

    command = ask_orchestrator(RunState.fold(opened), opening, SCHEMA)

    assert isinstance(command, Note)
    assert isinstance(command.event, RunFinished)
    assert command.event.stop_reason == "max_cost"


def test_a_workflow_may_put_results_and_budget_in_words_of_its_own() -> None:
    run = play(a_run(), explores({"strategy": "direct"}), answers())
    fresh = replace(run.state, turns=())

    def result(state: RunState, explore: ExploreState) -> str:
        return f"Result {explore.id}."

    def status(state: RunState, concluding: StopReason | None) -> str:
        return f"Stop: {concluding}."

    command = ask_orchestrator(fresh, opening, SCHEMA, words=Words(result, status))

    assert isinstance(command, AskOrchestrator)
    assert text_of(command.request.turns[-1]).endswith(
        "Result 1.\nResult 2.\nResult 3.\nStop: None."
    )
