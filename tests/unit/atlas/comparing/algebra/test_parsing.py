"""From an expression to its tree; what can be read in two ways is not read."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra import nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.algebra.parsing import MAX_DEPTH, parse

X = nodes.name("x")
TWO = nodes.number(2)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("2x", ("product", TWO, X)),
        ("x - 2", ("sum", X, nodes.number(-2))),
        ("x^2", ("power", X, TWO)),
        ("x²", ("power", X, TWO)),
        ("2^x^2", ("power", TWO, ("power", X, TWO))),
        ("1/x", ("product", nodes.number(1), ("power", X, nodes.number(-1)))),
        ("√x", ("power", X, nodes.number(Fraction(1, 2)))),
        ("∛x", ("function", "root", X, nodes.number(3))),
        ("|x|", ("function", "abs", X)),
        ("x!", ("factorial", X)),
        ("log_2(x)", ("function", "log", X, TWO)),
        ("sin^-1(x)", ("function", "arcsin", X)),
        ("exp(x)", ("power", nodes.name("e"), X)),
    ],
)
def test_an_expression_has_its_tree(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    "text",
    ["1/2x", "sin x/2", "e^2x", "√2x", "x^1/2", "1 2", "x!!", "u × v", "x[0]", "(x", "x)", "+", ""],
)
def test_what_is_ambiguous_or_cut_off_is_not_read(text: str) -> None:
    with pytest.raises(NotReadable):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 50 + "x" + ")" * 50, "2^" * 50 + "x"])
def test_an_expression_that_is_too_deep_is_not_read(text: str) -> None:
    assert MAX_DEPTH < 50
    with pytest.raises(NotReadable):
        parse(text)
