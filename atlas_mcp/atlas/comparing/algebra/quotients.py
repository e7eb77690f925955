"""Quotients of polynomials: sums, products and powers of them, and one text for each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import polynomials
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import (
    IMAGINARY,
    ONE,
    PRIME,
    Key,
    Monomial,
    Polynomial,
    Ring,
)

MAX_RADICALS = 3
"""Roots in the largest number that is brought above a fraction bar."""


@dataclass(frozen=True, slots=True)
class Quotient:
    """A polynomial over factors, which are kept apart while sums are made.

    Attributes:
        top: The numerator.
        below: The factors of the denominator, and the power of each.
    """

    top: Polynomial
    below: Mapping[Key, Fraction] = field(default_factory=dict[Key, Fraction])

    @property
    def rational(self) -> Fraction | None:
        """The value, where it is a rational number."""
        if self.below or set(self.top) - {ONE}:
            return None
        return self.top.get(ONE, Fraction(0))


class Field:
    """Arithmetic of quotients, bounded for one expression."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def number(self, value: Fraction | int) -> Quotient:
        """Return a number."""
        return Quotient(polynomials.constant(Fraction(value)))

    def atom(self, named: str, power: Fraction | int = 1) -> Quotient:
        """Return a power of an atom."""
        power = Fraction(power)
        if power < 0 and not polynomials.is_never_zero(named):
            return Quotient(
                polynomials.constant(Fraction(1)),
                {polynomials.key_of(polynomials.atom(named)): -power},
            )
        # A product, since a power of a prime or of a root may have a simpler form.
        one = polynomials.constant(Fraction(1))
        return Quotient(self.ring.multiply(polynomials.atom(named, power), one))

    def add(self, first: Quotient, second: Quotient) -> Quotient:
        """Return the sum, over the factors of both."""
        below = dict(first.below)
        for factor, power in second.below.items():
            below[factor] = max(below.get(factor, Fraction(0)), power)
        top = self.ring.add(self._over(first, below), self._over(second, below))
        return Quotient(top, below)

    def multiply(self, first: Quotient, second: Quotient) -> Quotient:
        """Return the product."""
        below = dict(first.below)
        for factor, power in second.below.items():
            below[factor] = below.get(factor, Fraction(0)) + power
        return Quotient(self.ring.multiply(first.top, second.top), below)

    def negative(self, quotient: Quotient) -> Quotient:
        """Return the quotient with the other sign."""
        return self.multiply(self.number(-1), quotient)

    def inverse(self, quotient: Quotient) -> Quotient:
        """Return one over a quotient."""
        found = self._inverse_of(quotient.top)
        for factor, power in quotient.below.items():
            found = self.multiply(found, Quotient(self._raised(dict(factor), power)))
        return found

    def power(self, quotient: Quotient, exponent: int) -> Quotient:
        """Return a whole power."""
        if exponent < 0:
            return self.power(self.inverse(quotient), -exponent)
        below = {factor: power * exponent for factor, power in quotient.below.items()}
        return Quotient(self.ring.power(quotient.top, exponent), below)

    def _over(self, quotient: Quotient, below: Mapping[Key, Fraction]) -> Polynomial:
        """Return the numerator of a quotient brought to a larger denominator."""
        top = quotient.top
        for factor, power in below.items():
            missing = power - quotient.below.get(factor, Fraction(0))
            if missing:
                top = self.ring.multiply(top, self._raised(dict(factor), missing))
        return top

    def _raised(self, factor: Polynomial, power: Fraction) -> Polynomial:
        if power.denominator == 1:
            return self.ring.power(factor, int(power))
        ((monomial, number),) = factor.items()
        if number != 1:
            raise NotReadable
        raised = {tuple((named, each * power) for named, each in monomial): Fraction(1)}
        return self.ring.multiply(raised, polynomials.constant(Fraction(1)))

    def _inverse_of(self, polynomial: Polynomial) -> Quotient:
        if not polynomial:
            raise NotReadable
        if len(polynomial) == 1:
            ((monomial, number),) = polynomial.items()
            return self._over_monomial(monomial, 1 / number)
        if polynomials.is_number(polynomial):
            if len({named for monomial in polynomial for named, _ in monomial}) > MAX_RADICALS:
                raise NotReadable
            return Quotient(self._number_inverse(polynomial, MAX_RADICALS))
        common = _common(polynomial)
        found = self._over_monomial(common, Fraction(1))
        rest = {_without(monomial, common): number for monomial, number in polynomial.items()}
        leading = rest[max(rest)]
        factor = polynomials.key_of(self.ring.scaled(rest, 1 / leading))
        return self.multiply(
            found, Quotient(polynomials.constant(1 / leading), {factor: Fraction(1)})
        )

    def _over_monomial(self, monomial: Monomial, number: Fraction) -> Quotient:
        found = self.number(number)
        for named, power in monomial:
            found = self.multiply(found, self.atom(named, -power))
        return found

    def _number_inverse(self, number: Polynomial, radicals: int) -> Polynomial:
        """Return one over a sum of square roots: the root is multiplied away, one at a time."""
        if len(number) == 1:
            ((monomial, value),) = number.items()
            found = self._over_monomial(monomial, 1 / value)
            return found.top
        named = max(name for monomial in number for name, _ in monomial)
        if not radicals or any(
            power not in (Fraction(1, 2), 1)
            for monomial in number
            for name, power in monomial
            if name.startswith(PRIME) or name == IMAGINARY
        ):
            raise NotReadable
        conjugate = {
            monomial: -value if named in dict(monomial) else value
            for monomial, value in number.items()
        }
        norm = self.ring.multiply(number, conjugate)
        if not norm:
            raise NotReadable
        return self.ring.multiply(conjugate, self._number_inverse(norm, radicals - 1))

    def written(self, quotient: Quotient) -> str:
        """Return the text of a quotient: equal for equal forms, and for these alone."""
        top, bottom = self.expanded(quotient)
        if set(bottom) == {ONE}:
            return polynomials.written(polynomials.key_of(top))
        above = polynomials.written(polynomials.key_of(top))
        return f"[{above}]/[{polynomials.written(polynomials.key_of(bottom))}]"

    def expanded(self, quotient: Quotient) -> tuple[Polynomial, Polynomial]:
        """Return the numerator, and the denominator multiplied out with 1 before its last term."""
        bottom: Polynomial = polynomials.constant(Fraction(1))
        for factor, power in quotient.below.items():
            bottom = self.ring.multiply(bottom, self._raised(dict(factor), power))
        top, bottom = _cancelled(quotient.top, bottom)
        leading = bottom[max(bottom)]
        return self.ring.scaled(top, 1 / leading), self.ring.scaled(bottom, 1 / leading)


def _common(polynomial: Polynomial) -> Monomial:
    """Return the product that divides every term."""
    monomials = list(polynomial)
    found = dict(monomials[0])
    for monomial in monomials[1:]:
        powers = dict(monomial)
        found = {
            named: min(power, powers[named]) for named, power in found.items() if named in powers
        }
    return tuple(sorted(found.items()))


def _without(monomial: Monomial, divisor: Monomial) -> Monomial:
    taken = dict(divisor)
    left = [(named, power - taken.get(named, Fraction(0))) for named, power in monomial]
    return tuple((named, power) for named, power in left if power)


def _cancelled(top: Polynomial, bottom: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Return both without the atoms that divide both, where the denominator keeps a power.

    So the quotient is undefined where it was before.
    """
    if not top:
        return top, bottom
    above, below = dict(_common(top)), dict(_common(bottom))
    shared = tuple(
        sorted(
            (named, power)
            for named, power in above.items()
            if named in below and 0 < power < below[named]
        )
    )
    if not shared:
        return top, bottom
    return (
        {_without(monomial, shared): number for monomial, number in top.items()},
        {_without(monomial, shared): number for monomial, number in bottom.items()},
    )
