"""Infinity with its sign, and infinite cardinal numbers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import infinity

LIMIT = "What is the limit of f(x) as x grows?"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("∞", r"\infty", ""),
        ("∞", "Infinity", ""),
        ("+∞", "positive infinity", ""),
        ("-∞", r"-\infty", ""),
        ("\u2212∞", "minus infinity", ""),
        ("-∞", "Negative infinity.", ""),
        ("∞", "+∞", LIMIT),
        ("infinity", "plus infinity", "Find the supremum of the set."),
        ("∞", "oo", LIMIT),
        ("-∞", "-inf", LIMIT),
        ("ℵ₀", r"\aleph_0", ""),
        (r"\aleph_{1}", "aleph 1", ""),
        ("aleph-null", "ℵ_0", ""),
    ],
)
def test_the_ways_to_write_an_infinity_have_one_key(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert infinity.read(one, asked) == infinity.read(other, asked) is not None


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("∞", "-∞", LIMIT),
        ("+∞", "-∞", ""),
        ("∞", "+∞", "Where is the pole, on the Riemann sphere over the complex numbers?"),
        ("∞", "+∞", ""),
        ("∞", "ℵ₀", "What is the cardinal number of the set?"),
        ("ℵ₀", "ℵ₁", ""),
    ],
)
def test_different_infinities_stay_apart(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert infinity.read(one, asked) != infinity.read(other, asked)


@pytest.mark.parametrize("text", ["8", "ooo", "undefined", "2∞", "∞ + 1", "aleph", "--∞"])
def test_other_texts_are_no_infinity(text: str) -> None:
    assert infinity.read(text, Asked(LIMIT)) is None
