"""The form in which an expression is written."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.algebra import shapes
from atlas_mcp.atlas.comparing.algebra.parsing import parse


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("(x+1)(x-1)", "(x-1)(1+x)", True),
        ("2*x", "x*2", True),
        ("-(x+1)", "-1*(1+x)", True),
        ("(x+1)(x-1)", "x^2-1", False),
        ("√x", "x^(1/2)", False),
    ],
)
def test_only_the_order_does_not_count_in_a_form(first: str, second: str, same: bool) -> None:
    assert (shapes.shape_of(parse(first)) == shapes.shape_of(parse(second))) == same


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Factor x^2 - 1.", True),
        ("Write 120 as a factorial.", True),
        ("Give it with a rational denominator.", True),
        ("What is the derivative?", False),
    ],
)
def test_a_question_asks_for_a_form(question: str, asked: bool) -> None:
    assert shapes.is_form_asked(question) == asked


@pytest.mark.parametrize(
    ("text", "plain"),
    [("3 + 7", True), ("2*5", True), ("1/2", False), ("x + 1", False), ("√2 + 1", False)],
)
def test_arithmetic_is_a_sum_or_a_product_of_plain_numbers(text: str, plain: bool) -> None:
    assert shapes.is_arithmetic(parse(text)) == plain


def test_the_functions_of_an_expression_are_found_at_any_depth() -> None:
    assert shapes.functions_in(parse("2 + sin(ln(x))")) == {"sin", "ln"}
