"""Quotients of polynomials."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import PRIME, Ring
from atlas_mcp.atlas.comparing.algebra.quotients import Field


def test_fractions_are_brought_to_one_denominator() -> None:
    field = Field(Ring())
    x = field.atom("name x")
    more = field.add(x, field.number(1))
    apart = field.add(field.inverse(x), field.inverse(more))
    above = field.add(x, more)

    together = field.multiply(above, field.inverse(field.multiply(x, more)))
    assert field.written(apart) == field.written(together)


def test_a_name_over_itself_is_no_one() -> None:
    field = Field(Ring())
    x = field.atom("name x")

    assert field.multiply(x, field.inverse(x)).rational is None


def test_a_root_below_the_bar_comes_above_it() -> None:
    field = Field(Ring())
    root = field.atom(f"{PRIME}2", Fraction(1, 2))
    half = field.multiply(root, field.number(Fraction(1, 2)))

    assert field.written(field.inverse(root)) == field.written(half)


def test_the_negative_of_a_quotient_cancels_it() -> None:
    field = Field(Ring())
    x = field.inverse(field.atom("name x"))

    assert field.add(x, field.negative(x)).top == {}


def test_nothing_has_an_inverse_of_zero() -> None:
    with pytest.raises(NotReadable):
        Field(Ring()).inverse(Field(Ring()).number(0))
