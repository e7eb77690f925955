"""The arithmetic of tokens and dollars."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.usage import NO_USAGE, Price, Usage, add_costs

COUNTS = st.integers(0, 10**12)


USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


COSTS = st.none() | st.decimals("0", "100", places=6)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NO_USAGE == a


@given(st.lists(COSTS))
@pytest.mark.requirement("MONEY-15")
def test_a_sum_with_an_unknown_cost_is_unknown(costs: list[Decimal | None]) -> None:
    known = [cost for cost in costs if cost is not None]

    assert add_costs(*costs) == (sum(known, Decimal(0)) if len(known) == len(costs) else None)


@given(st.decimals("0.01", "500", places=2), st.decimals("0", "50", places=4))
def test_the_tokens_that_money_buys_cost_no_more_than_it(rate: Decimal, dollars: Decimal) -> None:
    price = Price(rate, rate)
    tokens = price.output_tokens_for(dollars)

    assert tokens is not None
    assert price.of(input_tokens=0, output_tokens=tokens) <= dollars
    assert price.of(input_tokens=0, output_tokens=tokens + 1) > dollars
