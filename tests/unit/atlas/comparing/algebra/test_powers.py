"""Powers with any exponent."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import MAX_WRITTEN, Ring
from atlas_mcp.atlas.comparing.algebra.powers import Powers
from atlas_mcp.atlas.comparing.algebra.quotients import Field, Quotient


def power_of(base: Fraction | int, exponent: Fraction) -> Quotient:
    field = Field(Ring())
    return Powers(field).power(field.number(base), field.number(exponent))


@pytest.mark.parametrize(
    ("base", "exponent", "value"),
    [
        (2, Fraction(10), 1024),
        (4, Fraction(1, 2), 2),
        (8, Fraction(-2, 3), Fraction(1, 4)),
        (Fraction(9, 4), Fraction(3, 2), Fraction(27, 8)),
        (2, Fraction(1, 2), None),
    ],
)
def test_a_power_that_is_rational_is_a_number(
    base: Fraction | int, exponent: Fraction, value: Fraction | int | None
) -> None:
    assert power_of(base, exponent).rational == value


@pytest.mark.parametrize(
    ("base", "exponent"),
    [(9, Fraction(9**9)), (0, Fraction(-1, 2)), (2, Fraction(10**5, 3))],
)
def test_a_power_without_a_value_or_too_large_is_not_read(base: int, exponent: Fraction) -> None:
    with pytest.raises(NotReadable):
        power_of(base, exponent)


def test_a_tower_of_a_base_with_two_primes_is_bounded() -> None:
    field = Field(Ring())
    powers = Powers(field)

    def tower(levels: int) -> Quotient:
        return powers.power(field.number(6), tower(levels - 1)) if levels else field.atom("name x")

    assert len(field.written(tower(3))) < MAX_WRITTEN
    with pytest.raises(NotReadable):
        tower(40)


def test_exponents_of_one_base_add() -> None:
    field = Field(Ring())
    powers, x = Powers(field), field.atom("name x")
    single = powers.power(field.number(6), x)
    more = powers.power(field.number(6), field.add(x, field.number(1)))

    assert field.written(more) == field.written(field.multiply(field.number(6), single))
