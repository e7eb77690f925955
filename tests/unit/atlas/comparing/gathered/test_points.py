"""Points and vectors."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import points

ASKED = Asked("At which point P do the lines meet?")


def key(text: str, asked: Asked = ASKED) -> str | None:
    return points.read(text, asked, lambda part: f"<{part}>")


def test_the_name_of_a_point_is_none_of_its_parts() -> None:
    assert key("P(1, 2)") == key("P = (1, 2)") == key("(1,2)")


@pytest.mark.parametrize("text", ["(2, 1)", "(1, 2, 3)", "<1, 2>"])
def test_the_order_and_the_number_of_coordinates_count(text: str) -> None:
    assert key(text) != key("(1, 2)")


@pytest.mark.parametrize("text", ["1, 2", "(1)", "(1, 2", "[1, 2]"])
def test_what_is_no_point_is_not_read(text: str) -> None:
    assert key(text) is None


def test_a_name_of_which_nothing_is_asked_counts() -> None:
    def named(text: str) -> str | None:
        return points.read_named(text, Asked("What is the midpoint M?"), lambda part: part)

    assert named("M = (1, 2)") == "(1, 2)"
    assert named("M = 2") is None
