"""The money set aside for a call before it is made: a bound of its price, never an estimate."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.input_tokens import REQUEST_OVERHEAD_TOKENS, input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.solver_prompts import input_bytes
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE

MIN_OUTPUT_TOKENS = 2_048
"""Smallest ceiling a call is made with, output tokens: below it, thinking leaves no answer."""

SYNTHESIS_TOKENS = 8_000
"""Output tokens of one synthesis, kept affordable while explores are granted."""

RESERVE_SHARE = 4
"""The synthesis keeps back at most one part in this many of the cap."""


class Hold(NamedTuple):
    """US dollars to set aside, and the ceiling of output tokens they pay for."""

    amount: Decimal
    max_tokens: int


def hold_for(spec: ModelSpec, request: ModelRequest, available: Decimal | None) -> Hold | None:
    """Return the hold for a call, its ceiling lowered to the tokens that the money pays for.

    Args:
        spec: The model; one of unknown price holds nothing, which a cap in dollars forbids.
        request: The call.
        available: US dollars at hand; `None` for no cap.

    Returns:
        The hold, or `None` where the money pays for less than a useful reply.
    """
    tokens = input_tokens_at_most(request, image_tokens=spec.image_tokens)
    return hold_of(spec, tokens, request.max_tokens, available)


def hold_of(
    spec: ModelSpec, input_tokens: int, max_tokens: int, available: Decimal | None
) -> Hold | None:
    """Return the hold for a call that reads at most `input_tokens`: see `hold_for`."""
    if spec.price is None:
        return Hold(FREE, max_tokens)
    input_cost = spec.price.of(input_tokens=input_tokens, output_tokens=0)
    wanted = max_tokens
    if available is not None:
        if input_cost > available:
            return None
        affordable = spec.price.output_tokens_for(available - input_cost)
        if affordable is not None:
            max_tokens = min(max_tokens, affordable)
        if max_tokens < min(MIN_OUTPUT_TOKENS, wanted):
            return None
    amount = input_cost + spec.price.of(input_tokens=0, output_tokens=max_tokens)
    return Hold(amount, max_tokens)


def solver_tokens_at_most(
    problem: Problem, explore: Explore, spec: ModelSpec, *, further: str = ""
) -> int:
    """Return a bound of the input tokens of a solver's request, without building it.

    Args:
        problem: The problem.
        explore: The explore.
        spec: Its model.
        further: The text that a model in another role is shown besides.
    """
    pictures = spec.image_tokens * len(problem.images)
    return REQUEST_OVERHEAD_TOKENS + pictures + input_bytes(problem, explore, spec, further=further)


def synthesis_reserve(state: RunState) -> Decimal:
    """Return the US dollars that explores may not use, so that a synthesis can be paid."""
    limit = state.ledger.limit
    return FREE if limit is None else min(synthesis_price(state), limit / RESERVE_SHARE)


def synthesis_price(state: RunState) -> Decimal:
    """Return the US dollars that one synthesis takes at most, `FREE` where there is none."""
    spec = state.spec.orchestrator
    if spec is None or spec.price is None:
        return FREE
    problem = len(state.problem.text.encode()) + spec.image_tokens * len(state.problem.images)
    tokens = REQUEST_OVERHEAD_TOKENS + state.history_tokens + problem
    return spec.price.of(input_tokens=tokens, output_tokens=SYNTHESIS_TOKENS)
