"""Limits, and the ledger: holds never pass the cap, and a call is paid once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas_mcp.atlas.budget import Ledger, OverBudget
from atlas_mcp.atlas.usage import Charge
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
