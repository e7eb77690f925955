"""Amounts of money are compared in their currencies, and in the one that a question asks for."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.money import read
from atlas_mcp.atlas.comparing.asked import Asked

DOLLARS = "How many dollars does she earn?"
PENS = "A pen costs $2. How much do three pens cost?"


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("", ("$8", "8 dollars", "$8.00", "$ 8", r"\$8", "eight dollars", "8 $")),
        ("", ("-$8", "$-8", "\u2212$8", "-8 dollars")),
        ("", ("€10", "10 EUR", "10 €", "10 euros", "10,00 €", "EUR 10", "€10,00")),
        ("", ("£3.50", "350 pence", "3.50 GBP", "3.5 pounds sterling")),
        ("What does it cost? I have £5.", ("£0.50", "50p", "50 pence")),
        ("", ("$0.50", "50 cents", "50¢", "fifty cents")),
        ("", ("$5.20", "5 dollars and 20 cents", "5 dollars, 20 cents", "$5 and 20 cents")),
        ("", ("$5 million", "5 million dollars", "$5,000,000", "$5M")),
        ("", ("$12 per hour", "$12/hour", "12 dollars an hour", "$12/h", "$0.20 per minute")),
        ("", ("500 rupees", "₹500", "Rs 500", "Rs. 500", "500 INR")),
        ("", ("US$5", "5 USD", "5 US dollars", "$5 USD")),
        ("What does it cost in US dollars?", ("$5", "5 USD", "US$5", "5 dollars")),
        ("How many yen is it?", ("¥100", "100 yen", "100 JPY")),
        ("How much did he pay? (in pounds)", ("£5", "5 pounds")),
        ("How many euros is it?", ("€0.50", "50 cents", "0,50 €")),
        ("Round to the nearest cent.", ("$3.33333", "$3.33")),
    ],
)
def test_the_same_amount_has_one_key(question: str, same: tuple[str, ...]) -> None:
    keys = {text: read(text, Asked(question)) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


@pytest.mark.parametrize(
    ("question", "amount", "number"),
    [
        (DOLLARS, "$40", "number:40"),
        (DOLLARS, "4000 cents", "number:40"),
        (PENS, "$6", "number:6"),
        ("How many cents is it?", "$0.50", "number:50"),
        ("What is the price in euros? (German notation)", "10,00 €", "number:10"),
        ("Wie viel Euro kostet es?", "3 €", "number:3"),
    ],
)
def test_an_amount_in_the_currency_asked_for_is_a_number(
    question: str, amount: str, number: str
) -> None:
    assert read(amount, Asked(question)) == number


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("", "$5", "$50"),
        ("", "$5", "-$5"),
        ("", "$5.50", "$5.05"),
        ("", "¥100", "$100"),
        ("", "¥100", "100 yen"),
        ("", "5 USD", "5 EUR"),
        ("", "5 USD", "$5"),
        ("", "$12 per hour", "$12"),
        ("", "$12 per hour", "$12 per day"),
        ("", "50 cents", "$50"),
        (DOLLARS, "€40", "$40"),
        (PENS, "€6", "$6"),
    ],
)
def test_other_amounts_and_other_currencies_stay_apart(question: str, one: str, other: str) -> None:
    keys = [read(text, Asked(question)) for text in (one, other)]
    assert None not in keys
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("", "5 pounds"),
        ("", "5p"),
        ("How much is it?", "5 P"),
        ("How heavy is it? It costs £3.", "5 pounds"),
        ("", "$x"),
        ("", "$$5"),
        ("", "--$5"),
        ("", "ABC 5"),
        ("", "5 dogs"),
        ("", "$5 or $6"),
        ("", "$5 to $6"),
        ("", "$" * 99),
        ("", "$5 5"),
    ],
)
def test_what_is_no_amount_for_certain_is_not_read(question: str, text: str) -> None:
    assert read(text, Asked(question)) is None
