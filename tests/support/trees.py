"""Expressions as trees, written as Python writes them."""

from __future__ import annotations

import ast
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra.nodes import Node

_MINUS_ONE: Node = ("number", Fraction(-1))


def tree(text: str) -> Node:
    """Return the tree of an expression such as `2*x**2 + sin(x)/3`; `fact(n)` is a factorial."""
    return _tree(ast.parse(text, mode="eval").body)


def _tree(node: ast.expr) -> Node:
    match node:
        case ast.Constant(value=int() | float() as value):
            return ("number", Fraction(str(value)))
        case ast.Name(id=name):
            return ("name", name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return ("product", _MINUS_ONE, _tree(operand))
        case ast.BinOp(left=left, op=operator, right=right):
            return _operation(operator, _tree(left), _tree(right))
        case ast.Call(func=ast.Name(id="fact"), args=[argument]):
            return ("factorial", _tree(argument))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return ("function", name, *(_tree(argument) for argument in arguments))
        case _:
            raise ValueError(ast.dump(node))


def _operation(operator: ast.operator, left: Node, right: Node) -> Node:
    match operator:
        case ast.Add():
            return ("sum", left, right)
        case ast.Sub():
            return ("sum", left, ("product", _MINUS_ONE, right))
        case ast.Mult():
            return ("product", left, right)
        case ast.Div():
            return ("product", left, ("power", right, _MINUS_ONE))
        case ast.Pow():
            return ("power", left, right)
        case _:
            raise ValueError(ast.dump(operator))
