"""The value of a constant expression as a decimal, to more digits than are asked for."""

from __future__ import annotations

import math
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable

DIGITS = 50
"""Digits that are worked with: more than the finest rounding that is read, by a margin."""

MAX_DIGITS = 300
"""Digits before the point of the largest value that is worked out."""

_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_CONTEXT = Context(
    prec=DIGITS,
    Emax=MAX_DIGITS,
    Emin=-MAX_DIGITS,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
_SERIES_TERMS = 60


def value_of(node: Node) -> Decimal:
    """Return the value of an expression without names.

    Raises:
        NotReadable: It has none that is real, or it is too large.
    """
    try:
        return _value(node)
    except ArithmeticError:
        raise NotReadable from None


def _value(node: Node) -> Decimal:
    kind = node[0]
    if kind == "number":
        return _decimal(nodes.value_of(node))
    if kind == "name":
        return _named(nodes.text_of(node))
    if kind == "function":
        return _function(nodes.text_of(node), nodes.parts_of(node))
    parts = [_value(part) for part in nodes.parts_of(node)]
    if kind == "power":
        return _power(parts[0], parts[1], nodes.parts_of(node)[1])
    if kind == "factorial":
        if parts[0] != int(parts[0]) or not 0 <= parts[0] <= 150:
            raise NotReadable
        return _CONTEXT.create_decimal(math.factorial(int(parts[0])))
    found = parts[0]
    for part in parts[1:]:
        found = _CONTEXT.add(found, part) if kind == "sum" else _CONTEXT.multiply(found, part)
    return found


def _decimal(value: Fraction) -> Decimal:
    return _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _named(named: str) -> Decimal:
    if named == "pi":
        return _PI
    if named == "e":
        return _CONTEXT.exp(Decimal(1))
    raise NotReadable


def _power(base: Decimal, exponent: Decimal, written: Node) -> Decimal:
    if base < 0 and exponent != int(exponent):
        raise NotReadable
    if abs(exponent) > 10_000 or (not base and exponent <= 0):
        raise NotReadable
    if written == nodes.number(Fraction(1, 2)):
        return _CONTEXT.sqrt(base)
    return _CONTEXT.power(base, exponent)


def _function(called: str, parts: tuple[Node, ...]) -> Decimal:
    if called in ("sin", "cos", "tan"):
        return _trigonometric(called, _angle(parts[0]))
    values = [_value(part) for part in parts]
    first = values[0]
    if called == "abs":
        return abs(first)
    if called == "ln" and first > 0:
        return _CONTEXT.ln(first)
    if called == "log" and len(values) == 2 and first > 0 and values[1] > 0:
        return _CONTEXT.divide(_CONTEXT.ln(first), _CONTEXT.ln(values[1]))
    if called == "root" and len(values) == 2 and values[1] == int(values[1]) >= 2:
        found = _CONTEXT.power(abs(first), _CONTEXT.divide(Decimal(1), values[1]))
        if first < 0 and int(values[1]) % 2 == 0:
            raise NotReadable
        return found if first >= 0 else -found
    if called == "binomial" and all(value == int(value) for value in values):
        if not 0 <= values[1] <= values[0] <= 500:
            raise NotReadable
        return _CONTEXT.create_decimal(math.comb(int(values[0]), int(values[1])))
    raise NotReadable


def _angle(node: Node) -> Decimal:
    if node[0] == "function" and nodes.text_of(node) == "degrees":
        turned = _value(nodes.parts_of(node)[0])
        return _CONTEXT.divide(_CONTEXT.multiply(turned, _PI), Decimal(180))
    return _value(node)


def _trigonometric(called: str, angle: Decimal) -> Decimal:
    if abs(angle) > 10_000:
        raise NotReadable
    angle = _CONTEXT.remainder_near(angle, 2 * _PI)
    sine, cosine = Decimal(0), Decimal(0)
    term = Decimal(1)
    for place in range(_SERIES_TERMS):
        sign = -1 if place % 4 >= 2 else 1
        if place % 2:
            sine = _CONTEXT.add(sine, sign * term)
        else:
            cosine = _CONTEXT.add(cosine, sign * term)
        term = _CONTEXT.divide(_CONTEXT.multiply(term, angle), Decimal(place + 1))
    if called == "tan":
        return _CONTEXT.divide(sine, cosine)
    return sine if called == "sin" else cosine
