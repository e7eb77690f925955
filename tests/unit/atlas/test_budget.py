"""Limits, and the ledger: holds never pass the cap, and a call is paid once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas_mcp.atlas.budget import (
    MAX_COST_CEILING_USD,
    MAX_EXPLORES_CEILING,
    Budget,
    Ledger,
    OverBudget,
    check_cap,
)
from atlas_mcp.atlas.usage import Charge
from atlas_mcp.errors import InvalidInput
from tests.support.drawing import draws

AMOUNTS = st.decimals("0", "3", places=4)


class LedgerMachine(RuleBasedStateMachine):
    """Holds, raises and settlements in any order never pass the limit."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(Decimal(5))
        self.opened = 0

    @rule(amount=AMOUNTS)
    def hold(self, amount: Decimal) -> None:
        available = self.ledger.available
        assert available is not None
        try:
            self.ledger = self.ledger.hold(f"call-{self.opened}", amount)
        except OverBudget:
            assert amount > available
            return
        assert amount <= available
        self.opened += 1

    @precondition(lambda self: self.ledger.held)
    @rule(data=st.data(), by=AMOUNTS)
    def raise_hold(self, data: st.DataObject, by: Decimal) -> None:
        call = data.draw(st.sampled_from(sorted(self.ledger.held)))
        before = self.ledger
        try:
            self.ledger = before.raise_hold(call, by)
        except OverBudget:
            assert by > (before.available or 0)
            return
        assert self.ledger.held[call] == before.held[call] + by

    @precondition(lambda self: self.ledger.held)
    @rule(data=st.data(), share=st.decimals("0", "1", places=2) | st.none(), uncertain=AMOUNTS)
    def settle(self, data: st.DataObject, share: Decimal | None, uncertain: Decimal) -> None:
        call = data.draw(st.sampled_from(sorted(self.ledger.held)))
        before = self.ledger
        cost = None if share is None else before.held[call] * share
        self.ledger = before.settle(call, Charge(cost=cost, uncertain=uncertain))
        assert call not in self.ledger.held
        assert self.ledger.committed <= before.committed
        assert self.ledger.spent >= before.spent

    @invariant()
    def keeps_the_limit(self) -> None:
        assert self.ledger.committed <= 5
        assert self.ledger.available == 5 - self.ledger.committed


LedgerMachine.TestCase.settings = settings(max_examples=draws(50), deadline=None)


TestLedger = LedgerMachine.TestCase


@pytest.mark.requirement("MONEY-3")
def test_what_was_never_held_cannot_be_raised_and_nothing_holds_twice() -> None:
    ledger = Ledger(Decimal(1)).hold("a", Decimal("0.5"))

    for wrong in (
        lambda: ledger.raise_hold("b", Decimal(0)),
        lambda: ledger.hold("a", Decimal(0)),
        lambda: ledger.hold("b", Decimal("-0.1")),
    ):
        try:
            wrong()
        except OverBudget:
            continue
        raise AssertionError("it was taken")


@pytest.mark.parametrize(
    ("limits", "argument"),
    [
        ({"max_explores": 0}, "max_explores"),
        ({"max_explores": MAX_EXPLORES_CEILING + 1}, "max_explores"),
        ({"max_parallel": 0}, "max_parallel"),
        ({"prefetch": -1}, "prefetch"),
        ({"max_cost_usd": Decimal(0)}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("NaN")}, "max_cost_usd"),
        ({"time_limit_s": 0.0}, "time_limit_s"),
        ({"time_limit_s": float("nan")}, "time_limit_s"),
        ({"solver_time_limit_s": -1.0}, "solver_time_limit_s"),
    ],
)
def test_a_limit_out_of_range_is_refused_by_name(limits: Any, argument: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Budget(**limits)

    assert caught.value.argument == argument


@pytest.mark.parametrize("cap", ["0", "-1", "NaN", "Infinity", "1000000001"])
def test_a_cap_that_cannot_be_meant_is_refused_before_a_run(cap: str) -> None:
    with pytest.raises(InvalidInput, match="max_cost_usd"):
        check_cap(Decimal(cap))
    check_cap(MAX_COST_CEILING_USD)


def test_a_ledger_without_a_cap_counts_holds_and_refuses_none() -> None:
    ledger = Ledger(None).hold("a", Decimal(10**6)).raise_hold("a", Decimal(1))

    assert (ledger.available, ledger.committed) == (None, Decimal(10**6 + 1))


@pytest.mark.parametrize(
    ("charge", "spent", "uncertain"),
    [
        (Charge(cost=Decimal("0.2")), "0.2", "0"),
        (Charge(cost=None), "0.5", "0"),
        (Charge(cost=Decimal("0.2"), uncertain=Decimal("0.1")), "0.2", "0.1"),
        (Charge(cost=Decimal("0.2"), uncertain=Decimal(9)), "0.2", "0.3"),
        (Charge(cost=Decimal(2)), "2", "0"),
    ],
    ids=["known", "unknown", "partly", "more than held", "dearer than held"],
)
def test_a_call_is_settled_by_its_charge(charge: Charge, spent: str, uncertain: str) -> None:
    ledger = Ledger(Decimal(1)).hold("a", Decimal("0.5")).settle("a", charge)

    assert (ledger.spent, ledger.uncertain) == (Decimal(spent), Decimal(uncertain))
    assert ledger.held == {}
    assert ledger.available == max(Decimal(0), 1 - Decimal(spent) - Decimal(uncertain))
