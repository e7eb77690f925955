"""Functions of growth as sums."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.gathered import growth

N = growth.factor(growth.Atom("name", "n", "n", 2))
LOG = growth.factor(growth.Atom("log", "n", "n", 1))
M = growth.factor(growth.Atom("name", "m", "m", 2))


def test_what_grows_slower_and_constant_factors_are_left_out() -> None:
    square = growth.power(N, Fraction(2))
    found = growth.add([growth.multiply(growth.constant(Fraction(3)), square), N, LOG])

    assert growth.leading(found) == square


def test_terms_of_two_variables_are_both_kept() -> None:
    found = growth.add([N, M])

    assert growth.leading(found) == found
    assert growth.variable_of(found) == ""
    assert growth.variable_of(N) == "n"


def test_the_order_of_terms_does_not_count() -> None:
    assert growth.text_of(growth.add([N, M])) == growth.text_of(growth.add([M, N]))
    assert growth.value_of(growth.constant(Fraction(2))) == 2
    assert growth.value_of(N) is None


def test_a_difference_has_no_leading_term_for_sure() -> None:
    with pytest.raises(growth.NotReadError):
        growth.leading(growth.multiply(growth.constant(Fraction(-1)), N))


def test_large_powers_are_not_worked_out() -> None:
    with pytest.raises(growth.NotReadError):
        growth.power(growth.add([N, M]), Fraction(growth.MAX_POWER + 1))
    with pytest.raises(growth.NotReadError):
        growth.power(growth.constant(Fraction(9)), Fraction(10**9))
