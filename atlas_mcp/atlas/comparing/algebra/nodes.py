"""The tree of a mathematical expression: nested tuples, whose first member says what a node is.

- `("number", Fraction)`, and `("name", text)`: constants are "pi", "e" and "i".
- `("sum", a, b, …)`, `("product", a, b, …)`: a difference has a product with -1.
- `("power", base, exponent)`, `("factorial", a)`: a quotient has a power of -1, a square root is
  the power of a half.
- `("function", name, a, …)`: the base of "log" is its second argument, as the degree of "root" is.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias, cast

Node: TypeAlias = "tuple[str | Fraction | Node, ...]"

CONSTANTS = frozenset({"pi", "e", "i"})
"""Names with a value of their own."""


class NotReadable(Exception):
    """The text or the tree is none that can be read for sure, or it is too large."""


def number(value: Fraction | int) -> Node:
    """Return the node of a number."""
    return ("number", Fraction(value))


def name(text: str) -> Node:
    """Return the node of a name."""
    return ("name", text)


def total(parts: list[Node]) -> Node:
    """Return the sum of the parts."""
    return parts[0] if len(parts) == 1 else ("sum", *parts)


def product(parts: list[Node]) -> Node:
    """Return the product of the parts."""
    return parts[0] if len(parts) == 1 else ("product", *parts)


def negative(node: Node) -> Node:
    """Return the node with the other sign."""
    if node[0] == "number":
        return number(-value_of(node))
    return ("product", number(-1), node)


def power(base: Node, exponent: Node) -> Node:
    """Return the power of a base."""
    return ("power", base, exponent)


def inverse(node: Node) -> Node:
    """Return one over the node."""
    return power(node, number(-1))


def function(called: str, *arguments: Node) -> Node:
    """Return the value of a function."""
    return ("function", called, *arguments)


def value_of(node: Node) -> Fraction:
    """Return the value of a node of a number."""
    return cast("Fraction", node[1])


def text_of(node: Node) -> str:
    """Return the name of a node of a name, or of a function."""
    return cast("str", node[1])


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return the nodes inside a node."""
    if node[0] in ("number", "name"):
        return ()
    first = 2 if node[0] == "function" else 1
    return cast("tuple[Node, ...]", node[first:])


def names_in(node: Node) -> frozenset[str]:
    """Return the names in a tree, without those of constants."""
    if node[0] == "name":
        return frozenset({text_of(node)}) - CONSTANTS
    return frozenset(found for part in parts_of(node) for found in names_in(part))
