"""Intervals, and sets that are made of them."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.relations import intervals

DOMAIN = Asked("Find the domain of f.")


def key(text: str, asked: Asked = DOMAIN) -> str | None:
    return intervals.read(text, asked, lambda part: f"<{part.strip()}>")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("[0, 1)", "[0,1[", True),
        ("x ∈ [0, 1)", "[0, 1)", True),
        ("(0, 1) ∪ (2, 3)", "(2, 3) ∪ (0, 1)", True),
        ("(0, 1] ∪ [1, 3)", "(0, 3)", True),
        ("ℝ∖{0}", "(-∞, 0) ∪ (0, ∞)", True),
        ("[0, 1)", "[0, 1]", False),
        ("(0, 1) ∪ (1, 3)", "(0, 3)", False),
        ("ℝ∖{0}", "ℝ", False),
    ],
)
def test_a_set_of_numbers_has_one_key(first: str, second: str, same: bool) -> None:
    assert key(first) is not None
    assert (key(first) == key(second)) == same


@pytest.mark.parametrize("text", ["[0, 1", "0 to 1", "(0, 1, 2)", "[a]", "ℝ + 1"])
def test_what_is_no_set_of_numbers_is_not_read(text: str) -> None:
    assert key(text) is None


def test_two_numbers_in_square_brackets_are_a_list_without_a_question_about_sets() -> None:
    assert key("[0, 1]", Asked("Give the two values.")) is None
