"""The keys that several readers share."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing import forms


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1, "1/10"),
        (2.0, "2"),
        (-3, "-3"),
        (1e22, "10000000000000000000000"),
        (math.inf, "inf"),
        (10**1_000, hex(10**1_000)),
    ],
)
def test_a_number_of_json_is_written_by_its_digits(value: float, written: str) -> None:
    assert forms.exact_number(value) == written


def test_a_set_has_no_order_and_no_member_twice() -> None:
    assert forms.set_key(["b", "a", "b"]) == forms.set_key(["a", "b"])
    assert forms.sequence_key(["b", "a"]) != forms.sequence_key(["a", "b"])
    assert forms.tuple_key("()", ["a"]) != forms.tuple_key("[]", ["a"])


def test_keys_of_two_kinds_are_never_the_same() -> None:
    keys = [forms.number_key(Fraction(5)), forms.words_key("5"), forms.verbatim_key("5")]

    assert len(set(keys)) == len(keys)


def test_of_a_long_key_its_digest_is_kept() -> None:
    long = "x" * (forms.KEY_CHARS + 1)

    assert forms.short_key(long[1:]) == long[1:]
    assert len(forms.short_key(long * 100)) <= 2 * forms.KEY_CHARS
    assert forms.short_key(long) != forms.short_key(f"{long}x")
    assert forms.short_key(long + "\ud800") != forms.short_key(long)
