"""The additions to the orchestrator's conversation before each turn, and their order."""

from __future__ import annotations

from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.messages import Part, ToolCall, ToolResult, UserTurn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.prompts import CONCLUDE_TEXTS
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from tests.support.played_runs import Played, a_run, answers, explores, play


def parts_of(run: Played, ask: int) -> tuple[Part, ...]:
    turn = run.asks[ask - 1].request.turns[-1]
    assert isinstance(turn, UserTurn)
    return turn.parts


def test_the_first_turn_has_the_problem_then_the_evidence_and_the_budget() -> None:
    run = play(a_run(), answers(), problem=Problem("How many primes?"))

    told = run.told(1)

    places = [told.index(text) for text in ("How many primes?", "<candidate>", "2 of 8 used")]
    assert places == sorted(places)
    assert told.count("<candidate>") == 2


def test_later_turns_answer_each_tool_call_first_in_its_order() -> None:
    run = play(a_run(max_explores=3), explores({}, {}), answers())

    parts = parts_of(run, 2)

    calls = [call.id for turn in run.state.turns[:1] for call in calls_of(turn)]
    assert [part.call_id for part in parts if isinstance(part, ToolResult)] == calls
    assert [isinstance(part, ToolResult) for part in parts] == [True, True, False]
    assert [part.is_error for part in parts if isinstance(part, ToolResult)] == [False, True]


def calls_of(turn: OrchestratorTurn) -> tuple[ToolCall, ...]:
    assert isinstance(turn.reply, OrchestratorReplied)
    return turn.reply.reply.tool_calls


def test_the_problem_is_said_once_and_results_are_shown_once() -> None:
    run = play(a_run(), explores({}), explores({}), answers(), problem=Problem("How many primes?"))

    assert "How many primes?" not in run.told(2)
    assert [run.told(n).count("<candidate>") for n in (1, 2, 3)] == [2, 1, 1]
    shown = [ask.intent.shows for ask in run.asks]
    assert shown == [(1, 2), (3,), (4,)]


def test_a_reply_that_was_sent_back_is_followed_by_the_reason() -> None:
    run = play(a_run(effort="high"), answers(), answers())

    assert "2 of at least 5 explores" in run.told(2)


def test_a_run_at_its_limit_is_told_to_conclude() -> None:
    run = play(a_run(max_explores=2), answers())

    assert CONCLUDE_TEXTS["max_explores"] in run.told(1)
    assert not any(text in play(a_run(), answers()).told(1) for text in CONCLUDE_TEXTS.values())
