"""The arithmetic of tokens and dollars."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.usage import (
    NO_CHARGE,
    NO_USAGE,
    Charge,
    Price,
    Usage,
    add_costs,
    rounded,
)

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


CHARGES = st.builds(Charge, USAGES, COSTS, st.decimals("0", "100", places=6))


@given(CHARGES, CHARGES, CHARGES)
def test_charges_add_up_in_any_order(a: Charge, b: Charge, c: Charge) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NO_CHARGE == a
    assert (a + b).usage == a.usage + b.usage


@pytest.mark.parametrize(
    ("charge", "shown"),
    [
        (NO_CHARGE, Decimal(0)),
        (Charge(cost=None), None),
        (Charge(uncertain=Decimal(1)), None),
        (Charge(cost=Decimal(2), uncertain=Decimal(1)), Decimal(2)),
    ],
    ids=["nothing", "unknown", "nothing counted", "partly counted"],
)
def test_a_cost_of_which_nothing_was_counted_is_shown_as_unknown(
    charge: Charge, shown: Decimal | None
) -> None:
    assert charge.shown_cost == shown


def test_cached_tokens_have_rates_of_their_own_and_the_others_the_input_s() -> None:
    usage = Usage(1, 1_000_000, 0, 400_000, 100_000)

    assert Price(Decimal(2), Decimal(10)).cost_of(usage) == 2
    cached = Price(Decimal(2), Decimal(10), Decimal("0.2"), Decimal("2.5"))
    assert cached.cost_of(usage) == Decimal("1.33")


def test_the_bound_of_a_price_takes_the_dearest_rate_of_input() -> None:
    price = Price(Decimal(2), Decimal(10), cache_write=Decimal("2.5"))

    assert price.of(input_tokens=1_000_000, output_tokens=100_000) == Decimal("3.5")
    assert Price(Decimal(2), Decimal(0)).output_tokens_for(Decimal(1)) is None


def test_an_amount_of_any_size_is_written_in_json() -> None:
    assert rounded(Decimal("0.123456"), 4) == 0.1235
    assert rounded(Decimal("1e30"), 4) == 1e30
