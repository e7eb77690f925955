"""The money on a page."""

from __future__ import annotations

from decimal import Decimal

from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import a_run, a_solver, play


def test_money_by_model_sums_to_what_was_spent() -> None:
    money = document_of(eventful().records).money

    assert [(row.model, row.role) for row in money.by_model] == [
        ("maker/a", "solver"),
        ("maker/b", "solver"),
        ("maker/boss", "orchestrator"),
    ]
    assert sum(row.cost_usd or 0 for row in money.by_model) == money.spent_usd
    assert (money.held_usd, money.cap_usd, money.unknown) == (0, Decimal("5.00"), False)


def test_money_is_held_while_calls_are_in_flight_and_gone_with_their_process() -> None:
    records = eventful().records[:4]

    running, gone = document_of(records, driven=True).money, document_of(records).money

    assert running.held_usd > 0
    assert running.uncertain_usd == 0
    assert (gone.held_usd, gone.uncertain_usd) == (0, running.held_usd)


def test_a_price_that_is_unknown_is_no_zero() -> None:
    run = play(a_run(a_solver("a"), max_cost_usd=None), price=lambda hold: None)

    money = document_of(run.records).money

    assert (money.spent_usd, money.unknown, money.cap_usd) == (None, True, None)
    assert all(row.cost_usd is None for row in money.by_model)
