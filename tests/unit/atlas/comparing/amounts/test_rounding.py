"""The rounding that a question asks for is found in it, and values are rounded so."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.amounts.rounding import Rounding, asked_rounding, rounded

HUNDREDTH = Rounding(step=Fraction(1, 100))
WHOLE = Rounding(step=Fraction(1))


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Round to two decimal places.", HUNDREDTH),
        ("Give the area, correct to 2 d.p.", HUNDREDTH),
        ("Give the length to the nearest hundredth.", HUNDREDTH),
        ("Runde auf zwei Nachkommastellen.", HUNDREDTH),
        ("Gib das Ergebnis auf zwei Stellen nach dem Komma an und runde.", HUNDREDTH),
        ("Arrondis à deux décimales.", HUNDREDTH),
        ("Round your answer to the nearest integer.", WHOLE),
        ("Round to the nearest whole number.", WHOLE),
        ("Round to the nearest ten.", Rounding(step=Fraction(10))),
        ("Round to the nearest 100.", Rounding(step=Fraction(100))),
        ("Give it to three significant figures.", Rounding(figures=3)),
        ("Express the mass to 2 s.f.", Rounding(figures=2)),
        ("How far is it to the nearest metre?", Rounding(step=Fraction(1), unit="metre")),
        ("What is pi?", None),
        ("How many decimal places has 1.25?", None),
        ("What is the nearest town?", None),
        ("Do not round.", None),
        ("Round up to the nearest integer.", None),
        ("Round to one decimal place or to two decimal places.", None),
        ("Give the exact value, not rounded to two decimals.", None),
        ("Round to the nearest hundred thousand.", None),
    ],
)
def test_the_rounding_of_a_question_is_read(question: str, asked: Rounding | None) -> None:
    assert asked_rounding(question) == asked


@pytest.mark.parametrize(
    ("value", "asked", "result"),
    [
        (Fraction(2, 3), HUNDREDTH, Fraction(67, 100)),
        (Fraction(-1, 8), HUNDREDTH, Fraction(-13, 100)),
        (Fraction(1, 8), HUNDREDTH, Fraction(13, 100)),
        (Fraction(0), HUNDREDTH, Fraction(0)),
        (Decimal("1.41421356"), HUNDREDTH, Fraction(141, 100)),
        (Fraction(5, 2), WHOLE, Fraction(3)),
        (Fraction(999), Rounding(figures=2), Fraction(1000)),
        (Fraction(1234), Rounding(figures=2), Fraction(1200)),
        (Fraction(12345, 10**8), Rounding(figures=3), Fraction(123, 10**6)),
        (Fraction(15), Rounding(step=Fraction(10)), Fraction(20)),
        (Fraction(2, 3), None, Fraction(2, 3)),
    ],
)
def test_a_half_is_rounded_away_from_zero(
    value: Fraction | Decimal, asked: Rounding | None, result: Fraction
) -> None:
    assert rounded(value, asked) == result
