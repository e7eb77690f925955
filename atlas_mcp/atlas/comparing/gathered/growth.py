"""The functions that bounds of growth are written with, such as `n^2 log n + m`, as exact sums.

Owns the sums and which of their terms outgrows another; `complexity` reads them from text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

MAX_TERMS = 60
"""Terms of the longest sum that is worked out."""

MAX_DIGITS = 200
"""Digits of the longest coefficient that a power is worked out to."""

MAX_POWER = 12
"""Highest power of a sum that is multiplied out."""


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """A factor that is not taken apart: a variable, a logarithm, an exponential, a factorial.

    Attributes:
        kind: `name`, `log`, `exp`, `factorial` or `max`/`min`.
        text: What it is of, in its canonical form.
        of: The one variable that it grows with; empty where there are several or none.
        rank: How fast it grows, compared with others of the same variable: the logarithm of a
            logarithm 0, a logarithm 1, the variable 2, an exponential 3, a factorial 4; below 0 it
            is not known.
        base: The base of an exponential.
    """

    kind: str
    text: str
    of: str = ""
    rank: int = -1
    base: Fraction = Fraction(0)


Monomial: TypeAlias = tuple[tuple[Atom, Fraction], ...]
"""A product: each factor with its exponent, in order, none with the exponent 0."""

Sum: TypeAlias = Mapping[Monomial, Fraction]
"""A sum: each product with its coefficient, none with the coefficient 0."""

ONE: Monomial = ()
"""The product of nothing."""


class NotReadError(ValueError):
    """A text is no function of growth that is read here."""


def constant(value: Fraction) -> Sum:
    """Return a number."""
    return {ONE: value} if value else {}


def factor(atom: Atom, exponent: Fraction = Fraction(1)) -> Sum:
    """Return one factor."""
    return {((atom, exponent),): Fraction(1)}


def add(terms: Iterable[Sum]) -> Sum:
    """Return the sum of sums."""
    found: dict[Monomial, Fraction] = {}
    for one in terms:
        for monomial, coefficient in one.items():
            found[monomial] = found.get(monomial, Fraction(0)) + coefficient
    if len(found) > MAX_TERMS:
        raise NotReadError
    return {monomial: coefficient for monomial, coefficient in found.items() if coefficient}


def multiply(left: Sum, right: Sum) -> Sum:
    """Return the product of two sums."""
    if len(left) * len(right) > MAX_TERMS:
        raise NotReadError
    return add(
        {_joined(one, other): a * b} for one, a in left.items() for other, b in right.items()
    )


def power(base: Sum, exponent: Fraction) -> Sum:
    """Return a power of a sum; of several terms only a whole one."""
    if len(base) == 1:
        ((monomial, coefficient),) = base.items()
        if coefficient != 1 and (
            exponent.denominator != 1 or abs(exponent) * len(f"{coefficient}") > MAX_DIGITS
        ):
            raise NotReadError
        scaled = tuple((atom, one * exponent) for atom, one in monomial) if exponent else ONE
        return {scaled: coefficient**exponent.numerator if coefficient != 1 else Fraction(1)}
    if exponent.denominator != 1 or not 0 <= exponent <= MAX_POWER or not base:
        raise NotReadError
    found = constant(Fraction(1))
    for _ in range(exponent.numerator):
        found = multiply(found, base)
    return found


def value_of(one: Sum) -> Fraction | None:
    """Return the value of a sum without variables; `None` for any other."""
    if not one:
        return Fraction(0)
    return one[ONE] if len(one) == 1 and ONE in one else None


def text_of(one: Sum) -> str:
    """Return the canonical form of a sum as text."""
    return " + ".join(
        sorted(f"{coefficient}*{_monomial_text(monomial)}" for monomial, coefficient in one.items())
    )


def leading(one: Sum) -> Sum:
    """Return the terms that no other outgrows, without their constant factors.

    Raises:
        NotReadError: There is nothing left, or something is taken away that may not be small.
    """
    kept = {
        monomial: coefficient
        for monomial, coefficient in one.items()
        if not any(_outgrows(other, monomial) for other in one)
    }
    if not kept or any(coefficient < 0 for coefficient in kept.values()):
        raise NotReadError
    return dict.fromkeys(kept, Fraction(1))


def variable_of(one: Sum) -> str:
    """Return the one variable that a sum grows with; empty where there are several or none."""
    found = {atom.of for monomial in one for atom, _ in monomial}
    return found.pop() if len(found) == 1 else ""


def _joined(one: Monomial, other: Monomial) -> Monomial:
    exponents: dict[Atom, Fraction] = dict(one)
    for atom, exponent in other:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    return tuple(sorted((atom, exponent) for atom, exponent in exponents.items() if exponent))


def _monomial_text(monomial: Monomial) -> str:
    return "*".join(f"{atom.kind}[{atom.text}]^{exponent}" for atom, exponent in monomial)


def _outgrows(one: Monomial, other: Monomial) -> bool:
    """Return whether a product grows faster than another, where that is sure.

    It is of products of one variable, of which the exponents of the fastest factors decide.
    """
    names = {atom.of for atom, _ in (*one, *other)}
    if one == other or len(names) != 1 or "" in names:
        return False
    mine, theirs = _speed(one), _speed(other)
    return mine is not None and theirs is not None and mine > theirs


def _speed(monomial: Monomial) -> tuple[Fraction, ...] | None:
    """Return how fast a product grows, to be compared from the fastest kind of factor down."""
    found = [Fraction(0)] * 5
    for atom, exponent in monomial:
        if atom.rank < 0 or (atom.rank == 3 and (exponent != 1 or found[3] or atom.base <= 1)):
            return None
        found[atom.rank] += atom.base if atom.rank == 3 else exponent
    return tuple(reversed(found))
