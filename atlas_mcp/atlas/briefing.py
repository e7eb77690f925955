"""The user turn that is added to the orchestrator's conversation before each of its replies.

Owns the order: results of its tool calls first, then evidence it did not ask for, refusals, and the
rest of the budget. The conversation only ever grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.messages import Part, Text, ToolResult, UserTurn
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import ExploreState, OrchestratorTurn
from atlas_mcp.atlas.solver_prompts import problem_parts
from atlas_mcp.atlas.state import RunState


class Words(NamedTuple):
    """The words of the parts of a turn that differ between workflows.

    Attributes:
        result: Returns an explore's result.
        status: Returns what is left of the budget, and what is to be done; its last argument is
            why the orchestrator must stop now, `None` if it may explore.
    """

    result: Callable[[RunState, ExploreState], str]
    status: Callable[[RunState, StopReason | None], str]


ATLAS_WORDS = Words(prompts.result_text, prompts.status_text)


def next_user_turn(
    state: RunState,
    shows: Sequence[ExploreState],
    concluding: StopReason | None,
    *,
    shape: str | None = None,
    words: Words = ATLAS_WORDS,
) -> UserTurn:
    """Return the user turn that brings the orchestrator up to date.

    Args:
        state: The run, with no call open.
        shows: The explores whose results the orchestrator has not seen.
        concluding: Why it must stop now, `None` if it may explore.
        shape: The text that asks for the shape of its reply; `None` where that is asked elsewhere.
        words: The words of results and budget.
    """
    last = state.turns[-1] if state.turns else None
    parts: list[Part] = []
    if last is None:
        parts += problem_parts(state.problem)
    else:
        parts += _tool_results(state, last, shows, words)
    answered = {part.call_id for part in parts if isinstance(part, ToolResult)}
    lines = [
        words.result(state, explore) for explore in shows if explore.planned.call_id not in answered
    ]
    if last is not None:
        lines += [result.text for result in last.refused if result.call_id not in answered]
        if last.sent_back is not None and not answered:
            lines.append(last.sent_back)
    lines.append(words.status(state, concluding))
    if state.instruction:
        lines.append(prompts.instructed(state.instruction))
    if shape is not None:
        lines.append(shape)
    parts.append(Text("\n".join(lines)))
    return UserTurn(tuple(parts))


def _tool_results(
    state: RunState, last: OrchestratorTurn, shows: Sequence[ExploreState], words: Words
) -> list[ToolResult]:
    """Return a result for every tool call of the last reply: vendors refuse an open call."""
    if not isinstance(last.reply, OrchestratorReplied):
        return []
    by_call = {explore.planned.call_id: explore for explore in shows}
    refused = {result.call_id: result for result in last.refused}
    results: list[ToolResult] = []
    for call in last.reply.reply.tool_calls:
        explore = by_call.get(call.id)
        if explore is not None:
            failed = not isinstance(explore.outcome, Candidate)
            results.append(ToolResult(call.id, words.result(state, explore), failed))
        elif call.id in refused:
            results.append(refused[call.id])
        else:
            why = last.sent_back or prompts.exhausted()
            results.append(ToolResult(call.id, why, is_error=True))
    return results
