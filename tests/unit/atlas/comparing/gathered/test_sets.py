"""Sets in braces."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import sets


def key(text: str, question: str = "") -> str | None:
    return sets.read(text, Asked(question), lambda part: f"<{part}>")


def test_the_order_of_members_and_repeats_do_not_count() -> None:
    assert key("{1, 2}") == key("{2,1}") == key("{1, 2, 2}")
    assert key("{1, 2}") != key("{1, 3}")


def test_repeats_count_where_they_are_asked_for() -> None:
    question = "Find all roots with multiplicity."

    assert key("{1, 1, 2}", question) != key("{1, 2}", question)


def test_both_signs_are_two_solutions() -> None:
    question = "Find all solutions."

    assert key("±4", question) == key("{4, -4}", question)
    assert key("S = {4, -4}", question) == key("{4, -4}", question)


@pytest.mark.parametrize("text", ["{x | x > 1}", "{1, 2", "(1, 2)", "{1, …, 9}", "1, 2"])
def test_what_is_no_list_of_members_is_not_read(text: str) -> None:
    assert key(text) is None
