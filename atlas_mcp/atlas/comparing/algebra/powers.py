"""Powers with any exponent, in one form where a rule holds for every value of the names."""

from __future__ import annotations

import math
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import polynomials
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import (
    IMAGINARY,
    ONE,
    PRIME,
    ROOT,
    Monomial,
    Polynomial,
)
from atlas_mcp.atlas.comparing.algebra.primes import powers_of
from atlas_mcp.atlas.comparing.algebra.quotients import Field, Quotient

MAX_EXPONENT_TERMS = 4
"""Terms of the longest exponent for which a power is written as a product."""

_COSINES = {
    # The cosine of a part of π: how often which root is taken.
    Fraction(0): (Fraction(1), 1),
    Fraction(1, 6): (Fraction(1, 2), 3),
    Fraction(1, 4): (Fraction(1, 2), 2),
    Fraction(1, 3): (Fraction(1, 2), 1),
    Fraction(1, 2): (Fraction(0), 1),
}


class Powers:
    """Works out the powers of one expression."""

    def __init__(self, field: Field) -> None:
        self._field = field

    def power(self, base: Quotient, exponent: Quotient) -> Quotient:
        """Return a power."""
        value = exponent.rational
        if value is None:
            return self._symbolic(base, exponent)
        if value.denominator == 1:
            if abs(value) > polynomials.MAX_BITS:
                raise NotReadable
            if polynomials.is_large_power(base.top, abs(int(value))):
                return self._field.atom(f"large {self._field.written(base)}", value)
            return self._field.power(base, int(value))
        if abs(value.numerator) > polynomials.MAX_BITS:
            raise NotReadable
        return self._fractional(base, value)

    def _fractional(self, base: Quotient, exponent: Fraction) -> Quotient:
        """Return a power that is no whole one: the principal value."""
        if not base.top:
            if exponent < 0:
                raise NotReadable
            return base
        if base.below or len(base.top) > 1:
            return self._of_sum(base, exponent)
        ((monomial, number),) = base.top.items()
        found = self._positive(abs(number), exponent)
        rest: list[tuple[str, Fraction]] = []
        for named, power in monomial:
            if polynomials.is_positive(named):
                found = self._field.multiply(found, self._field.atom(named, power * exponent))
            else:
                rest.append((named, power))
        left: Polynomial = {tuple(rest): Fraction(1 if number > 0 else -1)}
        return self._field.multiply(found, self._root(left, exponent))

    def _of_sum(self, base: Quotient, exponent: Fraction) -> Quotient:
        """Return a root of what is more than a product; a positive factor stands before it."""
        top, bottom = self._field.expanded(base)
        if set(bottom) != {ONE}:
            return self._field.atom(f"of power({self._field.written(base)}, {exponent})")
        content = _content(top)
        inside = self._field.ring.scaled(top, 1 / content)
        return self._field.multiply(self._positive(content, exponent), self._root(inside, exponent))

    def _positive(self, number: Fraction, exponent: Fraction) -> Quotient:
        found = self._field.number(1)
        for prime, power in powers_of(number).items():
            atom = self._field.atom(f"{PRIME}{prime}", power * exponent)
            found = self._field.multiply(found, atom)
        return found

    def _root(self, under: Polynomial, exponent: Fraction) -> Quotient:
        if under == {ONE: 1}:
            return self._field.number(1)
        if under == {ONE: -1} and exponent.denominator == 2:
            return self._field.atom(IMAGINARY, exponent.numerator)
        if len(under) == 1:
            ((monomial, number),) = under.items()
            if number == 1 and len(monomial) == 1 and monomial[0][1] == 1:
                named = monomial[0][0]
                if named.startswith("name "):
                    return self._field.atom(named, exponent)
        named = f"{ROOT}{exponent.denominator} of {polynomials.written(polynomials.key_of(under))}"
        # Powers of the one root, so that they multiply to what is under it.
        self._field.ring.roots[named] = under
        return self._field.atom(named, exponent)

    def _symbolic(self, base: Quotient, exponent: Quotient) -> Quotient:
        """Return a power whose exponent has names: a product over the terms of the exponent."""
        if base.rational == 1:
            return base
        if not base.top:
            raise NotReadable
        if exponent.below or len(exponent.top) > MAX_EXPONENT_TERMS:
            number = _leading(exponent)
            single = self._field.multiply(self._field.number(1 / number), exponent)
            terms = [(self._field.written(single), number, None)]
        else:
            terms = [
                (polynomials.written(((monomial, Fraction(1)),)), number, monomial)
                for monomial, number in exponent.top.items()
            ]
        found = self._field.number(1)
        for text, number, monomial in terms:
            if monomial == ONE:
                part = self.power(base, self._field.number(number))
            else:
                part = self._term(base, text, number, monomial)
            found = self._field.multiply(found, part)
        return found

    def _term(
        self, base: Quotient, text: str, number: Fraction, monomial: Monomial | None
    ) -> Quotient:
        """Return a base to the power of a number times a product of names."""
        field = self._field
        bases = self._positive_parts(base)
        if bases is None:
            written = field.written(base)
            return field.atom(f"pow {written}^[{text}]", number)
        found = field.number(1)
        for named, power in bases.items():
            if named == "e":
                known = self._exponential(power * number, monomial)
                if known is not None:
                    found = field.multiply(found, known)
                    continue
            part = field.atom(f"exp {named}^[{text}]", power * number)
            found = field.multiply(found, part)
        return found

    def _exponential(self, number: Fraction, monomial: Monomial | None) -> Quotient | None:
        """Return a power of e that has a simpler form."""
        if monomial is None:
            return None
        if set(dict(monomial).items()) == {("i", Fraction(1)), ("pi", Fraction(1))}:
            cosine, sine = self.cosine_of_turn(number), self.cosine_of_turn(Fraction(1, 2) - number)
            if cosine is not None and sine is not None:
                imaginary = self._field.multiply(sine, self._field.atom(IMAGINARY))
                return self._field.add(cosine, imaginary)
        if len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0].startswith("ln prime "):
            return self._field.atom(monomial[0][0].removeprefix("ln "), number)
        return None

    def _positive_parts(self, base: Quotient) -> dict[str, Fraction] | None:
        """Return the atoms of a positive number and their powers; `None` for any other base.

        Of a negative number -1 is one of the parts.
        """
        if base.below or len(base.top) != 1:
            return None
        ((monomial, number),) = base.top.items()
        if not all(polynomials.is_positive(named) for named, _ in monomial):
            return None
        if number < 0 and number == -1 and not monomial:
            return None
        if number < 0:
            return None
        found = {f"{PRIME}{prime}": Fraction(p) for prime, p in powers_of(number).items()}
        for named, power in monomial:
            found[named] = found.get(named, Fraction(0)) + power
        return found

    def cosine_of_turn(self, halves: Fraction) -> Quotient | None:
        """Return the cosine of a multiple of π, where it is a simple root."""
        turn = abs(halves) % 2
        turn = min(turn, 2 - turn)
        sign = 1
        if turn > Fraction(1, 2):
            turn, sign = 1 - turn, -1
        if turn not in _COSINES:
            return None
        number, root = _COSINES[turn]
        found = self._field.number(sign * number)
        if root == 1:
            return found
        return self._field.multiply(found, self._field.atom(f"{PRIME}{root}", Fraction(1, 2)))


def _content(polynomial: Polynomial) -> Fraction:
    """Return the positive number that divides every term."""
    numbers = polynomial.values()
    above = math.gcd(*(number.numerator for number in numbers))
    return Fraction(above, math.lcm(*(number.denominator for number in numbers)))


def _leading(quotient: Quotient) -> Fraction:
    return quotient.top[max(quotient.top)]
