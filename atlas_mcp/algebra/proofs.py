"""Proofs that two expressions are the same, wherever they have a value, and have one together.

Runs in the child process alone. A comparison by numbers in a few points rejects nearly everything
that differs; what is left is the same only where the difference becomes zero by exact steps. A
decimal is the fraction that it is written as, so it never equals an irrational constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from atlas_mcp.algebra.formulas import Built, Condition, Formula, any_base, library

POINTS = (
    ((3, 7), (5, 11)),
    ((-13, 9), (2, 17)),
    ((19, 8), (-7, 13)),
)
"""Where the numbers are compared: fractions for the real and the imaginary part of the first name;
each further name gets values of its own."""

DIGITS = 40
"""Digits to which the numbers are worked out."""

CLOSE = 10.0**-25
"""Difference, relative to the values, that may be an error of the numbers."""


def are_same(a: Built, b: Built) -> bool:
    """Return whether two expressions are proved to be the same, and to have a value together."""
    if a.names != b.names:
        return False
    return (
        _close(_values(a), _values(b))
        and _have_values_together(a.conditions, b.conditions)
        and _is_zero(a.formula - b.formula)
    )


def _close(a: Sequence[Formula], b: Sequence[Formula]) -> bool:
    """Return whether values are close, each to its peer; `False` where one is none."""
    for first, second in zip(a, b, strict=True):
        if first is None or second is None:
            return False
        if abs(first - second) > CLOSE * (abs(first) + abs(second) + 1):
            return False
    return True


@cache
def _values(one: Built) -> tuple[Formula | None, ...]:
    """Return the values of an expression in each point, `None` where there is no number."""
    sympy = library()
    symbols = [sympy.Symbol(name) for name in sorted(one.names)]
    found: list[Formula | None] = []
    for real, imaginary in POINTS if symbols else POINTS[:1]:
        places = {
            symbol: sympy.Rational(real[0] + 2 * number, real[1])
            + sympy.I * sympy.Rational(imaginary[0], imaginary[1])
            for number, symbol in enumerate(symbols)
        }
        places[any_base()] = sympy.Rational(real[1], 2)
        value = one.formula.evalf(DIGITS, subs=places)
        parts = value.as_real_imag()
        is_number = all(part.is_Float or part.is_Rational for part in parts)
        found.append(value if is_number else None)
    return tuple(found)


def _have_values_together(a: Sequence[Condition], b: Sequence[Condition]) -> bool:
    """Return whether two expressions are proved to have values in the same places.

    `x/x` and 1 are not the same, nor are `√x·√x` and x.
    """
    if not _match(_zeros(a), _zeros(b), _is_constant):
        return False
    kinds = {one.kind for one in (*a, *b)} - {"nonzero"}
    return all(
        _match(
            [one.part for one in a if one.kind == kind],
            [one.part for one in b if one.kind == kind],
            _is_positive if kind in ("root", "log") else _is_one,
        )
        for kind in kinds
    )


def _zeros(conditions: Sequence[Condition]) -> list[Formula]:
    """Return the factors, each once, of the parts that must not be zero."""
    sympy = library()
    found: set[Formula] = set()
    for one in conditions:
        if one.kind == "nonzero" and not _is_exponential(one.part):
            top, _ = sympy.fraction(sympy.together(sympy.expand_trig(one.part)))
            found.update(factor for factor, _ in sympy.factor_list(top)[1])
    return [one for one in found if one.free_symbols and not _is_exponential(one)]


def _is_exponential(one: Formula) -> bool:
    """Return whether it is a power of a positive number, which is zero nowhere."""
    return bool(one.as_base_exp()[0].is_positive)


def _match(a: Sequence[Formula], b: Sequence[Formula], ratio: Callable[[Formula], bool]) -> bool:
    """Return whether each part of either side has a peer, in a ratio that does not count."""
    if set(a) == set(b):
        return True
    if not a or not b:
        return False
    sympy = library()

    def has_a_peer(one: Formula, others: Sequence[Formula]) -> bool:
        return any(one == other or ratio(sympy.cancel(one / other)) for other in others)

    return all(has_a_peer(one, b) for one in a) and all(has_a_peer(one, a) for one in b)


def _is_constant(ratio: Formula) -> bool:
    return not ratio.free_symbols and bool(ratio.is_nonzero)


def _is_positive(ratio: Formula) -> bool:
    return not ratio.free_symbols and bool(ratio.is_positive)


def _is_one(ratio: Formula) -> bool:
    return bool(ratio == 1)


def _is_zero(difference: Formula) -> bool:
    """Return whether a difference becomes zero by one of the exact ways, the cheap ones first."""
    return any(way(difference) == 0 for way in _ways(difference))


def _ways(difference: Formula) -> list[Callable[[Formula], Formula]]:
    sympy = library()

    def numerator(one: Formula) -> Formula:
        return sympy.expand(sympy.fraction(sympy.together(one))[0])

    def logarithms(one: Formula) -> Formula:
        return numerator(sympy.expand_log(one))

    def angles(one: Formula) -> Formula:
        return numerator(sympy.expand_trig(one))

    def as_exponentials(one: Formula) -> Formula:
        return numerator(sympy.powsimp(sympy.expand(one.rewrite(sympy.exp))))

    ways: list[Callable[[Formula], Formula]] = [sympy.expand, numerator]
    if not difference.free_symbols and difference.is_algebraic:
        ways.append(_algebraic)
    if difference.has(sympy.log):
        ways.append(logarithms)
    if difference.has(sympy.factorial, sympy.binomial):
        ways.append(sympy.combsimp)
    if difference.has(sympy.Function):
        ways += [angles, as_exponentials]
    return [*ways, sympy.radsimp, sympy.trigsimp, sympy.simplify]


def _algebraic(one: Formula) -> Formula:
    """Return zero for an algebraic number that is zero, and else the number."""
    sympy = library()
    unknown = sympy.Dummy("x")
    return sympy.Integer(0) if sympy.minimal_polynomial(one, unknown) == unknown else one
