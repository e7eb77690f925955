"""Sums of products over the rational numbers, and quotients of them, in one form for each value.

The variables are atoms: names, roots of primes, and whatever else has no simpler form. A name may
be zero, so nothing that holds one is cancelled to 1: `x/x` stays a quotient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable

MAX_TERMS = 80
"""Terms of the largest sum that is worked out."""

MAX_POWER = 12
"""Largest power of a sum that is multiplied out."""

MAX_BITS = 3_300
"""Bits of the largest number that is worked out: about a thousand digits."""

MAX_WRITTEN = 6_000
"""Characters of the longest text of a form."""

MAX_NAMED = 1_500
"""Characters of the longest name of an atom. A name holds the text of what is inside it, more than
once where that is a power, so that it might double with every level of a tower."""

MAX_WORK = 900
"""Products of two terms in the largest reading of one expression."""

Monomial: TypeAlias = tuple[tuple[str, Fraction], ...]
"""Atoms and their powers, in the order of the atoms."""

Polynomial: TypeAlias = Mapping[Monomial, Fraction]
"""Products and how often each is taken."""

Key: TypeAlias = tuple[tuple[Monomial, Fraction], ...]

ONE: Monomial = ()
ROOT = "root "
SINE = "sin "
COSINE = "cos "
PRIME = "prime "
IMAGINARY = "i"
CONSTANTS = ("pi", "e")
_NEVER_ZERO = (PRIME, "exp ", "ln prime ", "log prime ")


def constant(value: Fraction) -> Polynomial:
    """Return a number as a polynomial."""
    return {ONE: bounded(value)} if value else {}


def bounded(value: Fraction) -> Fraction:
    """Return a number that is not too large.

    Raises:
        NotReadable: It is.
    """
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NotReadable
    return value


def atom(named: str, power: Fraction | int = 1) -> Polynomial:
    """Return an atom, or a power of it, as a polynomial.

    Raises:
        NotReadable: Its name is too long.
    """
    if len(named) > MAX_NAMED:
        raise NotReadable
    return {((named, Fraction(power)),): Fraction(1)}


def key_of(polynomial: Polynomial) -> Key:
    """Return a value that is equal for equal polynomials."""
    return tuple(sorted(polynomial.items()))


def written(key: Key) -> str:
    """Return the text of a polynomial: equal for equal ones, and for these alone.

    Raises:
        NotReadable: It is too long.
    """
    texts: list[str] = []
    left = MAX_WRITTEN
    for monomial, number in key:
        text = f"{number}" + "".join(f"*({named})^{power}" for named, power in monomial)
        texts.append(text)
        left -= len(text)
        if left < 0:
            raise NotReadable
    return "+".join(texts)


def is_never_zero(named: str) -> bool:
    """Return whether an atom has a value other than zero, whatever its names are."""
    return named == IMAGINARY or named in CONSTANTS or named.startswith(_NEVER_ZERO)


def is_positive(named: str) -> bool:
    """Return whether an atom is a positive number."""
    return named in CONSTANTS or named.startswith(PRIME)


def is_number(polynomial: Polynomial) -> bool:
    """Return whether a polynomial is made of roots of primes and the imaginary unit alone."""
    return all(
        named == IMAGINARY or named.startswith(PRIME)
        for monomial in polynomial
        for named, _ in monomial
    )


@dataclass(slots=True)
class Ring:
    """Arithmetic of polynomials, bounded for one expression.

    Attributes:
        roots: The polynomials of which atoms are roots, by atom.
    """

    roots: dict[str, Polynomial] = field(default_factory=dict[str, "Polynomial"])
    _work: int = 0

    def add(self, first: Polynomial, second: Polynomial) -> Polynomial:
        """Return the sum of two polynomials."""
        found = dict(first)
        _add_to(found, second)
        return found

    def multiply(self, first: Polynomial, second: Polynomial) -> Polynomial:
        """Return the product of two polynomials."""
        self._work += max(len(first) * len(second), 1)
        if self._work > MAX_WORK:
            raise NotReadable
        found: dict[Monomial, Fraction] = {}
        for left, left_number in first.items():
            for right, right_number in second.items():
                _add_to(found, self._product(left, right, left_number * right_number))
        return found

    def scaled(self, polynomial: Polynomial, number: Fraction) -> Polynomial:
        """Return a polynomial times a number."""
        if not number:
            return {}
        return {monomial: bounded(value * number) for monomial, value in polynomial.items()}

    def power(self, polynomial: Polynomial, exponent: int) -> Polynomial:
        """Return a power, of a single term any that is not too large."""
        if is_large_power(polynomial, exponent) or (not polynomial and exponent < 1):
            raise NotReadable
        if len(polynomial) == 1:
            ((monomial, number),) = polynomial.items()
            raised = tuple((named, power * exponent) for named, power in monomial)
            return self._product(raised, ONE, power_of(number, exponent))
        return reduce(self.multiply, [polynomial] * exponent, constant(Fraction(1)))

    def _product(self, left: Monomial, right: Monomial, number: Fraction) -> Polynomial:
        powers = dict(left)
        for named, power in right:
            powers[named] = powers.get(named, Fraction(0)) + power
        more: list[Polynomial] = []
        for named, power in list(powers.items()):
            if named.startswith("name "):
                continue
            rest, factor = self._reduced(named, power)
            powers[named] = rest
            if factor is not None:
                more.append(factor)
        kept = tuple(sorted((named, bounded(power)) for named, power in powers.items() if power))
        found: Polynomial = {kept: bounded(number)}
        for factor in more:
            found = self.multiply(found, factor)
        return found

    def _reduced(self, named: str, power: Fraction) -> tuple[Fraction, Polynomial | None]:
        """Return the power of an atom that is left, and the factor that the rest makes."""
        if named.startswith(PRIME):
            whole = power.numerator // power.denominator
            value = power_of(Fraction(int(named[len(PRIME) :])), whole)
            return power - whole, None if value == 1 else constant(value)
        if named == IMAGINARY and power.denominator == 1:
            turns = int(power) % 4
            sign = Fraction(-1 if turns >= 2 else 1)
            return Fraction(turns % 2), None if sign == 1 else constant(sign)
        if named.startswith(SINE) and power >= 2:
            # The square of a sine is one less the square of the cosine.
            cosine = atom(COSINE + named[len(SINE) :], 2)
            square = self.add(constant(Fraction(1)), self.scaled(cosine, Fraction(-1)))
            half = int(power) // 2
            return power - 2 * half, self.power(square, half)
        if named.startswith(ROOT) and power >= 1:
            whole = power.numerator // power.denominator
            return power - whole, self.power(self.roots[named], whole)
        return power, None


def is_large_power(polynomial: Polynomial, exponent: int) -> bool:
    """Return whether a power of a sum would have too many terms."""
    terms = len(polynomial)
    return terms > 1 and (
        exponent > MAX_TERMS or math.comb(terms + exponent - 1, exponent) > MAX_TERMS
    )


def _add_to(found: dict[Monomial, Fraction], more: Polynomial) -> None:
    for monomial, number in more.items():
        value = found.get(monomial, Fraction(0)) + number
        if value:
            found[monomial] = bounded(value)
        else:
            found.pop(monomial, None)
    if len(found) > MAX_TERMS:
        raise NotReadable


def power_of(number: Fraction, exponent: int) -> Fraction:
    """Return the power of a number, where it is not too large."""
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    if number == 0 and exponent <= 0:
        raise NotReadable
    if abs(number) != 1 and bits * abs(exponent) > MAX_BITS:
        raise NotReadable
    return number ** (exponent if abs(number) != 1 else exponent % 2)
