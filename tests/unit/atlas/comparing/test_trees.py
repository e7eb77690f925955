"""Answers that are expressions are read into trees, where the question asks for no form."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.algebra.expressions import normal
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.trees import as_json, asks_for_a_form, tree_of
from tests.support.trees import tree


@pytest.mark.parametrize(
    "question",
    [
        "What is the derivative of sin(x)^2?",
        "Find an expression for the area.",
        "What is the exact value of the standard deviation?",
        "Solve the formula for the platform's height.",
    ],
)
def test_other_questions_ask_for_no_form(question: str) -> None:
    assert not asks_for_a_form(question)


def test_an_expression_is_json_with_its_numbers_as_text() -> None:
    assert as_json(tree("0.5*f(x)")) == [
        "product",
        ["number", "1/2"],
        ["function", "f", ["name", "x"]],
    ]


@pytest.mark.parametrize(
    ("answer", "question", "written"),
    [
        (r"$\sin(2x)$", "", "sin(2*x)"),
        (r"The answer is \boxed{2\sin(x)\cos(x)}.", "", "2*sin(x)*cos(x)"),
        (r"\frac{1}{2}", "", "1/2"),
        ("0.5", "", "1/2"),
        ("sqrt(2) + 1", "", "2**(1/2) + 1"),
        ("x = √(5 + 2√6)", "Solve for x.", "(5 + 2*6**(1/2))**(1/2)"),
    ],
)
def test_an_answer_without_its_dress_is_read(answer: str, question: str, written: str) -> None:
    found, expected = tree_of(answer, Asked(question)), tree(written)

    assert found is not None
    assert normal(found) == normal(expected)


def test_equations_are_compared_where_one_thing_is_worked_out() -> None:
    def read(answer: str) -> object:
        return tree_of(answer, Asked())

    assert read("y = cosh(x)") == ("product", ("name", "y ="), tree("cosh(x)"))
    assert read("f(x)=cosh(x)") == ("product", ("name", "f(x) ="), tree("cosh(x)"))
    assert read("y + 1 = cosh(x)") is None
    assert read("2y = cosh(x)") is None


def test_the_constant_of_an_antiderivative_has_one_name() -> None:
    asked = Asked("Find the indefinite integral of 2x.")

    assert tree_of("x^2 + K", asked) == tree_of("x^2 + C", asked)
    assert tree_of("x^2 + C", asked) != tree_of("x^2 + C", Asked("What is it?"))


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("a cat", ""),
        ("x + 1", "Which Python expression is printed?"),
        ("CO", ""),
        ("3/4/2024", ""),
        ("x = 5", ""),
        ("5 km", ""),
        ("50%", ""),
        ("(x + 1)(x - 1)", "Factor x^2 - 1."),
        ("", ""),
        ("9" * 1_900, ""),
        ("9" * 100_000, ""),
        ("(" * 900 + "x" + ")" * 900, ""),
    ],
)
def test_other_answers_are_not_read(answer: str, question: str) -> None:
    found = tree_of(answer, Asked(question))

    assert found is None or found[0] == "number"
