"""Secrets are found under encodings, and replaced where they stood in the original."""

from __future__ import annotations

import pytest

from atlas_mcp.models.wire.decoding import holds_whole, readings, squeezed, with_masks

SECRET = squeezed("pass/word+42")


@pytest.mark.parametrize(
    "text",
    [
        "pass/word+42",
        "pass%2Fword%2B42",
        r"pass\/word\u002b42",
        "pass&#47;word&#x2b;42",
        "PASS/\nword+42",
    ],
)
def test_a_secret_is_replaced_however_it_is_escaped(text: str) -> None:
    assert with_masks(f"before {text} behind", [SECRET]) == "before *** behind"


def test_a_text_without_a_secret_stays_as_it_is() -> None:
    assert with_masks("100%25 \\u0041", [SECRET]) == "100%25 \\u0041"


def test_a_secret_that_is_cut_off_is_held_in_part_alone() -> None:
    cut = "pass/word+"

    assert not holds_whole(cut, [SECRET])
    assert with_masks(f"it is {cut}", [SECRET]) == "it is ***"


def test_each_reading_undoes_one_encoding() -> None:
    assert list(readings("a%2541")) == ["a%2541", "a%41", "aa"]
