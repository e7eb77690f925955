"""Trees of `atlas.comparing` made into formulas of the computer algebra system.

Runs in the child process alone. Nothing is ever evaluated from text: each node of a tree becomes
one call of the library, and a tree whose formula would be too large is refused before it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from importlib import import_module
from math import log10
from typing import Any, NamedTuple, TypeAlias, cast

Formula: TypeAlias = Any
"""An expression of the library, which has no types for its parts."""

Tree: TypeAlias = Sequence[Any]
"""A node as JSON holds it: its kind, then its parts; numbers are texts such as `1/3`."""

MAX_DEPTH = 40
"""Levels of a tree. Our own choice, as the limits below: far more than answers have."""

MAX_DIGITS = 1_000
"""Digits of a number that is worked out."""

MAX_TERMS = 300
"""Terms that a formula may have, with its powers multiplied out."""

MAX_DEGREE = 60
"""The highest degree of a root."""

MAX_CHOSEN = 12
"""The largest number of things chosen for which a binomial coefficient is a polynomial."""

MAX_FACTORIAL = 300
"""The largest number whose factorial is worked out."""

ALIASES = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "arccot": "acot",
    "abs": "Abs",
    "binom": "binomial",
}
"""Functions that the library calls otherwise."""

ANY_CONSTANT = "constant of integration"
"""The name that the constant of an antiderivative has in a tree, whatever it is called."""

POLES = {"tan": "cos", "sec": "cos", "cot": "sin", "csc": "sin"}
"""Functions that have no value where another one of their argument is zero."""

BOUNDED = frozenset({"asin", "acos", "atanh", "acot", "factorial", "binomial"})
"""Functions whose arguments decide whether they have a value, or on which branch."""

WHOLE = frozenset({"sin", "cos", "atan", "sinh", "cosh", "tanh", "asinh", "Abs"})
"""Functions that have a value everywhere."""


class Refused(ValueError):
    """A tree that is too large, or holds something that the library does not know as we do."""


class Condition(NamedTuple):
    """A part of an expression on which it depends whether the expression has a value.

    Attributes:
        kind: `nonzero`, or the function or root whose argument it is.
        part: The part.
    """

    kind: str
    part: Formula


class Built(NamedTuple):
    """An expression.

    Attributes:
        formula: It.
        names: The names in it as it was written, whatever cancels.
        conditions: Its parts that decide where it has a value, as it was written.
    """

    formula: Formula
    names: frozenset[str]
    conditions: tuple[Condition, ...]


@cache
def library() -> Any:
    """Return the library. It takes half a second to load, so nothing else imports it."""
    return import_module("sympy")


@cache
def any_base() -> Formula:
    """Return the factor between the natural logarithm and one whose base is not known."""
    return library().Symbol("any base", positive=True)


def built(tree: Tree) -> Built:
    """Return the expression of a tree.

    Raises:
        Refused: It is not comparable: see `Refused`.
    """
    if _terms(tree, 0) > MAX_TERMS:
        raise Refused("it has too many terms")
    conditions: list[Condition] = []
    names: set[str] = set()
    formula = _Builder(names, conditions).formula(tree)
    if ANY_CONSTANT in names:
        # Two antiderivatives differ by a constant: their derivatives are compared.
        others = names - {ANY_CONSTANT}
        if len(others) != 1:
            raise Refused("it is a function of more than one name")
        formula = formula.diff(library().Symbol(*others))
    if formula.has(*(getattr(library(), name) for name in ("zoo", "nan", "oo"))):
        raise Refused("it has no value")
    return Built(formula, frozenset(names), tuple(conditions))


def _terms(tree: Tree, depth: int) -> int:
    """Return a bound of the terms of a tree with all its powers multiplied out."""
    if depth > MAX_DEPTH:
        raise Refused("it is nested too deep")
    kind, *parts = tree
    if kind in ("number", "name"):
        return 1
    if kind == "function":
        parts = parts[1:]
    counts = [_terms(part, depth + 1) for part in parts]
    if kind == "power":
        exponent = parts[1]
        times = abs(Fraction(exponent[1])) if exponent[0] == "number" else Fraction(1)
        # A power of a number, or of a name, stays one term.
        return counts[1] + (counts[0] if counts[0] == 1 else counts[0] * max(1, int(times)))
    if kind == "product":
        return min(MAX_TERMS + 1, _product(counts)) + len(counts) - 1
    return sum(counts) + 1


def _product(counts: Sequence[int]) -> int:
    result = 1
    for count in counts:
        result *= count
    return result


class _Builder:
    """Makes a formula from inside out, and notes what it depends on.

    Args:
        names: Takes the names.
        conditions: Takes the conditions.
    """

    def __init__(self, names: set[str], conditions: list[Condition]) -> None:
        self._names = names
        self._conditions = conditions
        self._sympy = library()

    def formula(self, tree: Tree) -> Formula:
        kind, *parts = tree
        sympy = self._sympy
        match kind:
            case "number":
                return self._number(Fraction(parts[0]))
            case "name":
                return self._name(cast("str", parts[0]))
            case "sum":
                return sympy.Add(*(self.formula(part) for part in parts))
            case "product":
                return sympy.Mul(*(self.formula(part) for part in parts))
            case "power":
                base, exponent = parts
                return self._power(self.formula(base), self.formula(exponent))
            case "factorial":
                return self._function("factorial", [self.formula(parts[0])])
            case "function":
                name, *arguments = parts
                return self._function(
                    cast("str", name), [self.formula(argument) for argument in arguments]
                )
            case _:
                raise Refused(f"a {kind} is not known")

    def _number(self, value: Fraction) -> Formula:
        if max(abs(value.numerator), value.denominator) >= 10**MAX_DIGITS:
            raise Refused("a number is too long")
        return self._sympy.Rational(value.numerator, value.denominator)

    def _name(self, name: str) -> Formula:
        constant = {"pi": "pi", "e": "E", "i": "I"}.get(name)
        if constant is not None:
            return getattr(self._sympy, constant)
        self._names.add(name)
        return self._sympy.Symbol(name)

    def _depend(self, kind: str, part: Formula) -> None:
        part = part.subs(any_base(), 1)
        if part.free_symbols:
            self._conditions.append(Condition(kind, part))

    def _power(self, base: Formula, exponent: Formula) -> Formula:
        _check_power(base, exponent)
        if exponent.is_Rational:
            if exponent <= 0:
                if base.is_zero:
                    raise Refused("it has no value")
                self._depend("nonzero", base)
            if not exponent.is_Integer:
                self._depend("root", base)
        elif not base.is_positive:
            self._depend("root", base)
        return self._sympy.Pow(base, exponent)

    def _function(self, name: str, arguments: list[Formula]) -> Formula:
        match name, arguments:
            case "sqrt", [under]:
                return self._power(under, self._sympy.Rational(1, 2))
            case "root", [under, degree]:
                if not degree.is_Integer or not 2 <= degree <= MAX_DEGREE:
                    raise Refused("a root is of no degree that is known")
                return self._power(under, 1 / degree)
            case "exp", [exponent]:
                return self._power(self._sympy.E, exponent)
            case "ln", [of]:
                return self._logarithm(of)
            case "log", [of]:
                # To base ten or e: what holds to every base holds to the one that is meant.
                return any_base() * self._logarithm(of)
            case ("lg", [of]) | ("log", [of, _]):
                base = arguments[1] if name == "log" else self._sympy.Integer(10)
                if not base.is_positive or base == 1:
                    raise Refused("a logarithm has no base that is known")
                return self._logarithm(of) / self._sympy.log(base)
            case "degrees", [angle]:
                return angle * self._sympy.pi / 180
            case _:
                return self._other_function(name, arguments)

    def _other_function(self, name: str, arguments: list[Formula]) -> Formula:
        sympy = self._sympy
        name = ALIASES.get(name, name)
        if name == "binomial" and len(arguments) == 2 and arguments[1] in range(MAX_CHOSEN + 1):
            # A polynomial, which has a value everywhere.
            return sympy.expand_func(sympy.binomial(*arguments))
        if len(arguments) != (2 if name == "binomial" else 1):
            raise Refused(f"`{name}` of {len(arguments)} is not known")
        if name in ("factorial", "binomial"):
            _check_factorial(name, arguments)
        if name in POLES:
            self._depend("nonzero", getattr(sympy, POLES[name])(arguments[0]))
        elif name in BOUNDED:
            for argument in arguments:
                self._depend(name, argument)
        elif name not in WHOLE:
            raise Refused(f"`{name}` is not known")
        return getattr(sympy, name)(*arguments)

    def _logarithm(self, of: Formula) -> Formula:
        if of.is_zero:
            raise Refused("it has no value")
        self._depend("log", of)
        return self._sympy.log(of)


def _check_factorial(name: str, arguments: Sequence[Formula]) -> None:
    """Refuse what the library would work out for too long, or otherwise than people do."""
    for argument in arguments:
        if argument.is_number and not (argument.is_Integer and 0 <= argument <= MAX_FACTORIAL):
            raise Refused(f"`{name}` is worked out up to {MAX_FACTORIAL} alone")


def _check_power(base: Formula, exponent: Formula) -> None:
    """Refuse a power that would be worked out to a number of too many digits."""
    if exponent.free_symbols or not base.is_number:
        return
    if not exponent.is_Rational:
        # Its value may be as large as a tower's, though nothing works it out to all its digits.
        if not abs(exponent.evalf(5)) < MAX_DIGITS:
            raise Refused("a power is too large")
        return
    if base.is_Rational:
        size = log10(max(abs(base.p), base.q, 1))
        if abs(float(exponent)) * max(size, 0.01) > MAX_DIGITS or exponent.q > MAX_DIGITS:
            raise Refused("a power is too large")
    elif abs(exponent) > MAX_TERMS:
        raise Refused("a power is too large")
