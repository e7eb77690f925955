"""Ordinals: one key for those in digits and in words."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts import ordinals
from atlas_mcp.atlas.comparing.asked import Asked


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("3rd", "ordinal:3:"),
        ("the third", "ordinal:3:"),
        ("twenty-first", "ordinal:21:"),
        ("112th", "ordinal:112:"),
        ("the third place", "ordinal:3:place"),
        ("3rd place", "ordinal:3:place"),
        # A slip, and words of other kinds.
        ("3th", None),
        ("three", None),
        ("the last", None),
    ],
)
def test_an_ordinal_has_one_key_in_digits_and_in_words(text: str, key: str | None) -> None:
    assert ordinals.read(text, Asked("In which position did she finish?")) == key


@pytest.mark.parametrize("text", ["third", "a third", "the fourth"])
def test_a_part_is_no_ordinal_where_a_fraction_is_asked_for(text: str) -> None:
    assert ordinals.read(text, Asked("What fraction of the cake did he eat?")) is None
