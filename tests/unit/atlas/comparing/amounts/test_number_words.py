"""Numbers in words."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.amounts import number_words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zero", 0),
        ("twenty-one", 21),
        ("one hundred and five", 105),
        ("two thousand three hundred", 2300),
        ("a million", 10**6),
        ("half a million", 500_000),
        ("two dozen", 24),
        ("one and a half", Fraction(3, 2)),
        ("three quarters", Fraction(3, 4)),
        ("two point zero five", Fraction(41, 20)),
        ("二十三", 23),
        ("四分之三", Fraction(3, 4)),
    ],
)
def test_words_say_a_number(text: str, value: Fraction | int) -> None:
    assert number_words.read(text, "en") == value


@pytest.mark.parametrize(
    "text",
    ["", "one two", "twenty eleven", "million thousand", "five eighth", "two point", "a", "tenor"],
)
def test_words_that_say_no_number_for_sure_are_not_read(text: str) -> None:
    assert number_words.read(text, "en") is None


def test_words_of_another_language_are_numbers_where_it_is_asked_in() -> None:
    assert number_words.read("vier", "de") == 4
    assert number_words.read("quatre", "fr") == 4
    assert number_words.read("vier", "en") is None


@pytest.mark.parametrize(
    ("text", "value"), [("third", 3), ("twenty-first", 21), ("twentieth", 20), ("three", None)]
)
def test_an_ordinal_has_its_number(text: str, value: int | None) -> None:
    assert number_words.ordinal(text) == value


def test_a_scale_is_that_of_its_language() -> None:
    assert number_words.scale("million", "en") == 10**6
    assert number_words.scale("Milliarden", "de") == 10**9
    assert number_words.scale("Milliarden", "en") is None
