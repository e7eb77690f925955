"""The exact form of an expression: a quotient of polynomials in its names, roots and functions.

Only what holds wherever the expression has a value is used: `√(x²)` is not `x`, and `ln(x²)` is
not `2 ln x`. A function of which no value is known is an atom, named after its argument.
"""

from __future__ import annotations

import math
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import nodes, polynomials
from atlas_mcp.atlas.comparing.algebra.angles import Angles
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.algebra.polynomials import IMAGINARY, PRIME, Ring
from atlas_mcp.atlas.comparing.algebra.powers import Powers
from atlas_mcp.atlas.comparing.algebra.primes import powers_of
from atlas_mcp.atlas.comparing.algebra.quotients import Field, Quotient

MAX_FACTORIAL = 400
"""Largest number whose factorial is worked out: it has under a thousand digits."""

MAX_CHOSEN_FROM = 2_000
"""Largest number of things of which a choice is counted."""


class Canonical:
    """Works out one expression."""

    def __init__(self) -> None:
        self.field = Field(Ring())
        self._powers = Powers(self.field)
        self._angles = Angles(self.field, self._powers)

    def of(self, node: Node) -> Quotient:
        """Return the form of a node.

        Raises:
            NotReadable: It is too large, or it has no value.
        """
        kind = node[0]
        if kind == "number":
            return self.field.number(nodes.value_of(node))
        if kind == "name":
            return self._named(nodes.text_of(node))
        if kind == "function":
            return self._function(nodes.text_of(node), nodes.parts_of(node))
        parts = [self.of(part) for part in nodes.parts_of(node)]
        if kind == "sum":
            found = parts[0]
            for part in parts[1:]:
                found = self.field.add(found, part)
            return found
        if kind == "product":
            found = parts[0]
            for part in parts[1:]:
                found = self.field.multiply(found, part)
            return found
        if kind == "power":
            return self._powers.power(parts[0], parts[1])
        return self._factorial(parts[0])

    def written(self, node: Node) -> str:
        """Return the text of a node's form."""
        return self.field.written(self.of(node))

    def _named(self, named: str) -> Quotient:
        if named in nodes.CONSTANTS:
            return self.field.atom(named)
        return self.field.atom(f"name {named}")

    def _factorial(self, of: Quotient) -> Quotient:
        value = of.rational
        if value is None:
            return self._opaque("factorial", of)
        if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
            raise NotReadable
        return self.field.number(math.factorial(int(value)))

    def _opaque(self, called: str, *arguments: Quotient) -> Quotient:
        texts = ", ".join(self.field.written(argument) for argument in arguments)
        return self.field.atom(f"of {called}({texts})")

    def _function(self, called: str, parts: tuple[Node, ...]) -> Quotient:
        if called in ("sin", "cos", "tan", "cot", "sec", "csc"):
            return self._angles.value(called, self._angle(parts[0]))
        arguments = [self.of(part) for part in parts]
        if called in ("ln", "log", "lg"):
            return self._logarithm(called, arguments)
        if called == "root":
            return self._root(arguments[0], arguments[1])
        if called == "abs":
            return self._absolute(arguments[0])
        if called == "binomial":
            return self._binomial(arguments[0], arguments[1])
        if called in ("floor", "ceil", "gcd", "lcm", "max", "min"):
            return self._of_numbers(called, arguments)
        if called == "degrees":
            raise NotReadable
        return self._opaque(called, *arguments)

    def _root(self, under: Quotient, degree: Quotient) -> Quotient:
        value, number = degree.rational, under.rational
        if value is None or value.denominator != 1 or value < 2:
            return self._opaque("root", under, degree)
        power = self.field.number(1 / value)
        if number is not None and number < 0:
            if value % 2 == 0:
                raise NotReadable
            # The odd root of a negative number is the real one.
            positive = self._powers.power(self.field.number(-number), power)
            return self.field.multiply(self.field.number(-1), positive)
        return self._powers.power(under, power)

    def _absolute(self, of: Quotient) -> Quotient:
        value = of.rational
        if value is not None:
            return self.field.number(abs(value))
        if len(of.top) == 1 and not of.below:
            ((monomial, number),) = of.top.items()
            if all(polynomials.is_positive(named) for named, _ in monomial):
                return Quotient({monomial: abs(number)})
        if not of.below and polynomials.is_number(of.top):
            size = self._complex_size(of)
            if size is not None:
                return size
        # `|1 - x|` is `|x - 1|`.
        both = sorted(
            (self.field.written(of), self.field.written(self.field.negative(of))),
        )
        return self.field.atom(f"of abs({both[0]})")

    def _complex_size(self, of: Quotient) -> Quotient | None:
        """Return the absolute value of a complex number, where its square is rational."""
        imaginary = {
            monomial: -number if (IMAGINARY, Fraction(1)) in monomial else number
            for monomial, number in of.top.items()
        }
        if imaginary == of.top:
            return None
        square = self.field.multiply(of, Quotient(imaginary))
        if square.rational is None:
            return None
        return self._powers.power(square, self.field.number(Fraction(1, 2)))

    def _binomial(self, above: Quotient, below: Quotient) -> Quotient:
        whole, chosen = above.rational, below.rational
        if whole is None or chosen is None:
            return self._opaque("binomial", above, below)
        if whole.denominator != 1 or chosen.denominator != 1:
            raise NotReadable
        if not 0 <= chosen <= whole <= MAX_CHOSEN_FROM:
            raise NotReadable
        return self.field.number(math.comb(int(whole), int(chosen)))

    def _of_numbers(self, called: str, arguments: list[Quotient]) -> Quotient:
        values = [argument.rational for argument in arguments]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            texts = sorted(self.field.written(argument) for argument in arguments)
            return self.field.atom(f"of {called}({', '.join(texts)})")
        if called in ("max", "min"):
            return self.field.number(max(known) if called == "max" else min(known))
        if called in ("floor", "ceil"):
            return self.field.number(
                math.floor(known[0]) if called == "floor" else math.ceil(known[0])
            )
        if any(value.denominator != 1 for value in known):
            raise NotReadable
        whole = [int(value) for value in known]
        return self.field.number(math.gcd(*whole) if called == "gcd" else math.lcm(*whole))

    def _logarithm(self, called: str, arguments: list[Quotient]) -> Quotient:
        if len(arguments) == 1:
            return self._natural(called, arguments[0])
        above = self._natural("ln", arguments[0])
        below = self._natural("ln", arguments[1])
        if arguments[1].rational in (0, 1) or not below.top:
            raise NotReadable
        ratio = _ratio(above, below)
        if ratio is not None:
            return self.field.number(ratio)
        return self.field.multiply(above, self.field.inverse(below))

    def _natural(self, called: str, of: Quotient) -> Quotient:
        """Return a logarithm: of a positive number, that of its primes."""
        if len(of.top) != 1 or of.below:
            return self._opaque(called, of)
        ((monomial, number),) = of.top.items()
        if number <= 0 or not all(polynomials.is_positive(named) for named, _ in monomial):
            if not of.top or not monomial:
                # The logarithm of a number that is not positive.
                raise NotReadable
            return self._opaque(called, of)
        found = self.field.number(0)
        powers = {f"{PRIME}{prime}": Fraction(p) for prime, p in powers_of(number).items()}
        for named, power in monomial:
            powers[named] = powers.get(named, Fraction(0)) + power
        for named, power in powers.items():
            part = (
                self.field.number(1)
                if named == "e" and called == "ln"
                else self.field.atom(f"{called} {named}")
            )
            found = self.field.add(found, self.field.multiply(self.field.number(power), part))
        return found

    def _angle(self, node: Node) -> Quotient:
        if node[0] == "function" and nodes.text_of(node) == "degrees":
            turned = self.of(nodes.parts_of(node)[0])
            return self.field.multiply(
                self.field.multiply(turned, self.field.number(Fraction(1, 180))),
                self.field.atom("pi"),
            )
        return self.of(node)


def _ratio(above: Quotient, below: Quotient) -> Fraction | None:
    """Return how often one polynomial is taken in another, where that is a number."""
    if above.below or below.below or set(above.top) - set(below.top):
        return None
    if not above.top:
        return Fraction(0)
    ratios = {above.top.get(monomial, Fraction(0)) / below.top[monomial] for monomial in below.top}
    return ratios.pop() if len(ratios) == 1 else None
