"""A hold covers the highest price of a call, and money for the synthesis is kept back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from atlas_mcp.atlas.holds import (
    MIN_OUTPUT_TOKENS,
    RESERVE_SHARE,
    Hold,
    hold_for,
    synthesis_reserve,
)
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.atlas.usage import FREE
from tests.support.played_runs import a_model, a_run, answers, play

SPEC = a_model(price=("2", "10"), max_tokens=4_000)
REQUEST = ModelRequest("Be brief.", (UserTurn((Text("How many?"),)),), 4_000)


def test_a_hold_pays_for_all_input_and_the_whole_ceiling() -> None:
    tokens = input_tokens_at_most(REQUEST)

    hold = hold_for(SPEC, REQUEST, None)

    assert hold == Hold((Decimal(2) * tokens + Decimal(10) * 4_000) / 1_000_000, 4_000)


def test_a_ceiling_is_lowered_to_the_money_at_hand_but_not_below_a_useful_reply() -> None:
    tokens = input_tokens_at_most(REQUEST)
    input_cost = Decimal(2) * tokens / 1_000_000

    def for_output(count: int) -> Decimal:
        return input_cost + Decimal(10) * count / 1_000_000

    assert hold_for(SPEC, REQUEST, for_output(3_000)) == Hold(for_output(3_000), 3_000)
    assert hold_for(SPEC, REQUEST, for_output(MIN_OUTPUT_TOKENS - 1)) is None
    assert hold_for(SPEC, REQUEST, input_cost / 2) is None
    small = replace(REQUEST, max_tokens=100)
    assert hold_for(SPEC, small, for_output(100)) == Hold(for_output(100), 100)


def test_a_model_of_unknown_price_holds_nothing() -> None:
    assert hold_for(a_model(price=None), REQUEST, None) == Hold(FREE, 4_000)


def test_the_synthesis_keeps_its_price_back_and_at_most_a_share_of_the_cap() -> None:
    rich = play(a_run(max_cost_usd="50"), answers()).live[0]
    poor = play(a_run(max_cost_usd="0.01"), answers()).live[0]
    free = play(a_run(max_cost_usd=None), answers()).live[0]

    assert synthesis_reserve(rich) > Decimal("0.08"), "8,000 tokens at 10 dollars a million"
    assert synthesis_reserve(poor) == Decimal("0.01") / RESERVE_SHARE
    assert synthesis_reserve(free) == FREE
