"""The functions of angles, each by the sine and the cosine of the parts of its angle."""

from __future__ import annotations

from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import polynomials
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import COSINE, SINE
from atlas_mcp.atlas.comparing.algebra.powers import Powers
from atlas_mcp.atlas.comparing.algebra.quotients import Field, Quotient

MAX_ANGLES = 3
"""Angles in the largest sum whose sine is written with those of its parts."""

MAX_MULTIPLE = 6
"""Largest multiple of an angle that is written with the angle alone."""


class Angles:
    """Works out the functions of the angles of one expression."""

    def __init__(self, field: Field, powers: Powers) -> None:
        self._field = field
        self._powers = powers

    def value(self, called: str, angle: Quotient) -> Quotient:
        """Return the value of a function of an angle.

        Raises:
            NotReadable: It has none, or it is too large.
        """
        sine, cosine = self._sine_and_cosine(angle)
        if called == "sin":
            return sine
        if called == "cos":
            return cosine
        above = {"tan": sine, "cot": cosine}.get(called, self._field.number(1))
        below = cosine if called in ("tan", "sec") else sine
        if not below.top:
            raise NotReadable
        return self._field.multiply(above, self._field.inverse(below))

    def _sine_and_cosine(self, angle: Quotient) -> tuple[Quotient, Quotient]:
        """Return both, of a sum of few angles by those of its parts."""
        field = self._field
        sine, cosine = field.number(0), field.number(1)
        parts = list(angle.top.items())
        if len(parts) > MAX_ANGLES or angle.below:
            return self._of_whole(angle)
        for monomial, number in parts:
            if monomial == (("pi", Fraction(1)),):
                turned = self._of_turn(number)
            else:
                turned = self._of_multiple(monomial, number)
            sine, cosine = self._together((sine, cosine), turned)
        return sine, cosine

    def _together(
        self, first: tuple[Quotient, Quotient], second: tuple[Quotient, Quotient]
    ) -> tuple[Quotient, Quotient]:
        """Return the sine and the cosine of the sum of two angles."""
        field = self._field
        (sine, cosine), (more_sine, more_cosine) = first, second
        return (
            field.add(field.multiply(sine, more_cosine), field.multiply(cosine, more_sine)),
            field.add(
                field.multiply(cosine, more_cosine),
                self._field.negative(field.multiply(sine, more_sine)),
            ),
        )

    def _of_whole(self, angle: Quotient) -> tuple[Quotient, Quotient]:
        """Return the sine and the cosine of an angle that is not taken apart."""
        text, other = self._field.written(angle), self._field.written(self._field.negative(angle))
        sine = self._field.atom(SINE + min(text, other))
        return sine if text <= other else self._field.negative(sine), self._field.atom(
            COSINE + min(text, other)
        )

    def _of_multiple(
        self, monomial: polynomials.Monomial, number: Fraction
    ) -> tuple[Quotient, Quotient]:
        multiple = abs(number.numerator)
        if multiple > MAX_MULTIPLE:
            return self._of_whole(Quotient({monomial: number}))
        part = polynomials.written((((monomial), Fraction(1, number.denominator)),))
        single = self._field.atom(SINE + part), self._field.atom(COSINE + part)
        found = single
        for _ in range(multiple - 1):
            found = self._together(found, single)
        return (self._field.negative(found[0]), found[1]) if number < 0 else found

    def _of_turn(self, halves: Fraction) -> tuple[Quotient, Quotient]:
        """Return the sine and the cosine of a multiple of π."""
        cosine = self._powers.cosine_of_turn(halves)
        sine = self._powers.cosine_of_turn(Fraction(1, 2) - halves)
        if sine is None or cosine is None:
            return self._of_multiple((("pi", Fraction(1)),), halves % 2)
        return sine, cosine
