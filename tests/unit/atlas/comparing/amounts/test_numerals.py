"""Digits with their separators."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.amounts import numerals

GERMAN = "Wie viel kostet es?"


@pytest.mark.parametrize(
    ("text", "question", "value"),
    [
        ("1,234", "How much is it?", 1234),
        ("1 234 567", "How much is it?", 1_234_567),
        ("1,234.5", "How much is it?", Fraction(2469, 2)),
        ("3,5", GERMAN, Fraction(7, 2)),
        ("1.234.567", GERMAN, 1_234_567),
        ("1.234,5", GERMAN, Fraction(2469, 2)),
        (".5", "", Fraction(1, 2)),
        # Two numbers, or one; a label; digits that are asked for.
        ("3,5", "How much is it?", None),
        ("1,234", "Find both numbers.", None),
        ("1.234", GERMAN, None),
        ("007", "What is the code?", None),
        ("3.10", "Which version?", None),
        ("05", "What are the last two digits?", None),
    ],
)
def test_separators_are_read_as_the_question_has_them(
    text: str, question: str, value: Fraction | int | None
) -> None:
    assert numerals.unsigned(text, question) == value


def test_digits_and_signs_of_other_scripts_become_western() -> None:
    assert numerals.western("−١٢") == "-12"
    assert numerals.western("１２，５") == "12,5"


@pytest.mark.parametrize(
    ("text", "value"),
    [("^3", 3), ("^{-3}", -3), ("⁻³", -3), ("^(2)", 2), ("^x", None), ("3", None)],
)
def test_an_exponent_is_read_as_a_whole(text: str, value: int | None) -> None:
    assert numerals.exponent(text) == value
