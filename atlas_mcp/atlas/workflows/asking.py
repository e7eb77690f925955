"""The call of the orchestrator: its request, with the money that is held for it.

Workflows choose the words, the tools and the shape of the reply; the conversation, the ceiling of
the reply and the hold are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from atlas_mcp.atlas.briefing import ATLAS_WORDS, Words, next_user_turn
from atlas_mcp.atlas.commands import AskOrchestrator, Command, Note
from atlas_mcp.atlas.events import OrchestratorAsked
from atlas_mcp.atlas.holds import hold_for
from atlas_mcp.atlas.messages import Json, ModelRequest, Tool
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_endings import why_no_money
from atlas_mcp.atlas.solver_prompts import bounded, shape_text
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.possible_explores import must_conclude
from atlas_mcp.atlas.workflows.synthesis import unsynthesized


def orchestrator_of(state: RunState) -> ModelSpec:
    """Return the orchestrator of a run whose workflow asks one."""
    spec = state.spec.orchestrator
    assert spec is not None, "a run of an orchestrated workflow has an orchestrator"
    return spec


class Opening(NamedTuple):
    """The words that a conversation with the orchestrator begins with, and keeps."""

    system: str
    tools: tuple[Tool, ...] = ()


def ask_orchestrator(
    state: RunState,
    opening: Callable[[RunState], Opening],
    schema: dict[str, Json],
    *,
    words: Words = ATLAS_WORDS,
) -> Command:
    """Return the next call of the orchestrator, or the end of a run that cannot pay for it.

    Args:
        state: The run, with no call open.
        opening: Returns the words of its first call. Later calls repeat them: current models refuse
            a conversation whose system prompt or tools have changed.
        schema: JSON Schema of a text reply.
        words: The words of results and budget.
    """
    spec = orchestrator_of(state)
    schema = bounded(schema, spec.max_string_chars)
    system, tools = _kept(state) or opening(state)
    shape = _shape(state, schema, tools=bool(tools))
    concluding = must_conclude(state)
    shows = tuple(explore for explore in state.explores.values() if explore.id not in state.shown)
    saying = next_user_turn(state, shows, concluding, shape=shape, words=words)
    request = ModelRequest(
        system=system,
        turns=(*state.history, saying),
        max_tokens=spec.max_tokens,
        schema=schema,
        tools=tools,
        parallel_tool_calls=state.budget.max_parallel > 1,
        effort=spec.effort,
        seed=_seed(state),
        temperature=None if spec.temperature is None else 0.0,
    )
    hold = hold_for(spec, request, state.ledger.available)
    if hold is None:
        why = why_no_money(state, "The cap left no money for the orchestrator.")
        return Note(unsynthesized(state, "max_cost", why))
    intent = OrchestratorAsked(
        turn=len(state.turns) + 1,
        said=saying,
        shows=tuple(explore.id for explore in shows),
        hold_usd=hold.amount,
        max_tokens=hold.max_tokens,
        schema=schema,
        must_conclude=concluding,
        system=system,
        tools=tools,
    )
    return AskOrchestrator(intent, replace(request, max_tokens=hold.max_tokens))


def _kept(state: RunState) -> Opening | None:
    """Return the words that the conversation began with; `None` before its first call."""
    first = state.turns[0].asked if state.turns else None
    return None if first is None else Opening(first.system, first.tools)


def _seed(state: RunState) -> int | None:
    """Return the seed of the next call; no explore of the run has the same."""
    seed = state.spec.seed
    return None if seed is None else seed * 1_000 + 500 + len(state.turns)


def _shape(state: RunState, schema: dict[str, Json], *, tools: bool) -> str | None:
    """Return the text that asks for the shape of the reply; `None` where nothing need be said."""
    known = state.turns[-1].asked.schema if state.turns else None
    if schema == known or orchestrator_of(state).holds_schema(tools=tools):
        return None
    return shape_text(schema, tools=tools)
