"""Functions of angles: by the sine and the cosine of the parts."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra.angles import Angles
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import Ring
from atlas_mcp.atlas.comparing.algebra.powers import Powers
from atlas_mcp.atlas.comparing.algebra.quotients import Field


@pytest.mark.parametrize(
    ("called", "halves", "value"),
    [
        ("sin", Fraction(1, 6), Fraction(1, 2)),
        ("cos", Fraction(2, 3), Fraction(-1, 2)),
        ("tan", Fraction(1, 4), Fraction(1)),
        ("sec", Fraction(0), Fraction(1)),
        ("cos", Fraction(1, 5), None),
    ],
)
def test_functions_of_parts_of_a_turn_have_their_values(
    called: str, halves: Fraction, value: Fraction | None
) -> None:
    field = Field(Ring())
    angle = field.multiply(field.number(halves), field.atom("pi"))

    assert Angles(field, Powers(field)).value(called, angle).rational == value


def test_the_tangent_of_a_quarter_turn_is_none() -> None:
    field = Field(Ring())
    angle = field.multiply(field.number(Fraction(1, 2)), field.atom("pi"))

    with pytest.raises(NotReadable):
        Angles(field, Powers(field)).value("tan", angle)


def test_a_double_angle_is_written_with_the_single_one() -> None:
    field = Field(Ring())
    angles, single = Angles(field, Powers(field)), field.atom("name x")
    double = field.multiply(field.number(2), single)
    product = field.multiply(angles.value("sin", single), angles.value("cos", single))

    twice = field.multiply(field.number(2), product)
    assert field.written(angles.value("sin", double)) == field.written(twice)
