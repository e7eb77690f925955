"""Sums of products: their arithmetic and its bounds."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra import polynomials
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import Polynomial, Ring

X = polynomials.atom("name x")
ONE = polynomials.constant(Fraction(1))


def written(polynomial: Polynomial) -> str:
    return polynomials.written(polynomials.key_of(polynomial))


def test_a_square_is_multiplied_out() -> None:
    ring = Ring()
    found = ring.power(ring.add(X, ONE), 2)

    assert written(found) == "1+2*(name x)^1+1*(name x)^2"


def test_terms_that_cancel_are_gone() -> None:
    ring = Ring()

    assert ring.add(X, ring.scaled(X, Fraction(-1))) == {}


@pytest.mark.parametrize(
    ("named", "power", "number"),
    [
        (f"{polynomials.PRIME}2", Fraction(1, 2), 2),
        (polynomials.IMAGINARY, Fraction(1), -1),
    ],
)
def test_the_square_of_a_root_is_a_number(named: str, power: Fraction, number: int) -> None:
    root = polynomials.atom(named, power)

    assert Ring().multiply(root, root) == polynomials.constant(Fraction(number))


def test_the_squares_of_sine_and_cosine_are_one_together() -> None:
    ring = Ring()
    sine = polynomials.atom(f"{polynomials.SINE}x")
    cosine = polynomials.atom(f"{polynomials.COSINE}x")

    assert ring.add(ring.multiply(sine, sine), ring.multiply(cosine, cosine)) == ONE


def test_a_number_with_too_many_digits_is_not_read() -> None:
    large = Fraction(2**polynomials.MAX_BITS - 1)

    assert polynomials.bounded(large) == large
    for value in (large + 1, 1 / (large + 1)):
        with pytest.raises(NotReadable):
            polynomials.bounded(value)
    with pytest.raises(NotReadable):
        Ring().scaled(polynomials.constant(large), Fraction(2))
    with pytest.raises(NotReadable):
        Ring().add(polynomials.constant(large), ONE)


def test_a_name_or_a_text_that_is_too_long_is_not_read() -> None:
    longest = "x" * polynomials.MAX_NAMED
    many = {((f"{longest[3:]}{place:03}", Fraction(1)),): Fraction(1) for place in range(5)}

    assert polynomials.atom(longest)
    with pytest.raises(NotReadable):
        polynomials.atom(f"{longest}x")
    with pytest.raises(NotReadable):
        written(many)


def test_the_work_of_one_expression_is_bounded() -> None:
    ring = Ring()
    wide: Polynomial = {((f"name x{place}", Fraction(1)),): Fraction(1) for place in range(60)}

    with pytest.raises(NotReadable):
        ring.multiply(wide, wide)
    with pytest.raises(NotReadable):
        ring.power(wide, 3)
