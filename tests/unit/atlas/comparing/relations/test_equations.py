"""Equations: values of names, rows of them, and equations of lines and curves."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.relations import equations


def key(text: str, question: str = "") -> str:
    return answer_key(text, Asked(question))


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("", "n = 7", "7"),
        ("", "7 = x", "x=7"),
        ("", r"$x = \frac{1}{4}$", "0.25"),
        ("", "x = 6/8 = 3/4", "3/4"),
        ("", "V = IR", "IR = V"),
        ("", "p = 2, q = 3", "q=3; p=2"),
        ("", "2y + 6z = 8", "y + 3z = 4"),
        ("", "t^2 = 49", "49 = t^2"),
        ("How many apples are there?", "n = 7", "7"),
        ("Solve 2t - 6 = 0.", "t = 3", "3"),
        ("Solve t^2 = 49.", "t = 7 or t = -7", "t = ±7"),
        ("Solve t^2 = 49.", "t = 7, t = -7", "t = -7 or t = 7"),
        ("Solve t^2 = 49.", "t = 7 or -7", "t = 7, -7"),
        ("Solve t^2 = 2.", r"t = \pm\sqrt{2}", "t = -√2 or t = √2"),
        ("Find (x, y).", "x = 3, y = 4", "(3, 4)"),
        ("Solve for the ordered pair.", "y = 4 and x = 3", "(3, 4)"),
        ("Find f(x).", "f(x) = 3x", "3x"),
        ("Find all solutions of the equation.", "x = ±4", "x = 4 or x = -4"),
        ("What is the root of the equation?", "x = 4", "4"),
        ("If x + y = 3 and y = 1, find x.", "x = 2", "2"),
        ("", "S = {4, 7}", "{7, 4}"),
        ("Find the tangent's equation.", "y = x", "x - y = 0"),
        ("Find the measure of angle PQR.", "∠PQR = 40°", "40°"),
        ("What is the vertex?", "x = 3, y = 4", "(3, 4)"),
        ("Find (x, y).", "(x, y) = (3, 4)", "(3, 4)"),
        ("Find the derivative of t^2.", "f'(t) = 2t", "2t"),
        ("Find the inverse of f.", "f^{-1}(x) = x/2", r"\frac{x}{2}"),
        ("What is the nth term?", "a_n = 2n + 1", "1 + 2n"),
        ("Find the roots.", "x_1 = 2, x_2 = 3", "x = 3 or x = 2"),
        ("Solve for h: V = hb.", "h = V/b", "V/b"),
        ("Give the equation of the line.", "y = 3x - 2", "3x - y = 2"),
        ("Give the equation of the line.", "y - 1 = 3(x - 1)", "y = 3x - 2"),
        ("What is the vertical asymptote?", "x = 3", "x - 3 = 0"),
    ],
)
def test_equations_that_say_the_same_are_the_same(question: str, first: str, second: str) -> None:
    assert key(first, question) == key(second, question)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("", "y = 3x + 2", "y = 3x - 2"),
        ("", "k = 7", "k = 70"),
        ("", "x = 7", "y = 7"),
        ("", "a = 7", "b = 7"),
        ("Name x_1 and x_2.", "x_1 = 2, x_2 = 3", "x_1 = 3, x_2 = 2"),
        ("", "k = 7", "k ≠ 7"),
        ("", "k = 7", "k > 7"),
        ("", "p = 2, q = 3", "p = 3, q = 2"),
        ("", "x = 3, y = 4", "(3, 4)"),
        ("", "y = 1/x", "xy = 1"),
        ("", "t + 3 = 10", "t + 4 = 11"),
        ("", "t = 1,000", "t = 1, 0"),
        ("", "x + y = 3", "x - y = 3"),
        ("", "y = 2x", "y = 2x, z = 1"),
        ("", "a = b", "b = a"),
        ("Which variable has a value, and which?", "n = 3", "m = 3"),
        ("Find t.", "t = 7 or t = -7", "7"),
        ("Find x and y.", "x = 5", "y = 5"),
        ("Find a and b.", "a = 5", "b = 5"),
        ("What is the curve?", "r = 2", "x = 2"),
        ("Find all roots with multiplicity.", "x = 1, 1, 2", "x = 1, 2"),
        ("Solve: 1) 5x = 25 2) 3x = 9", "x = 5; x = 3", "x = 3; x = 5"),
        ("Find x in terms of y.", "x = 7", "7 = y"),
        ("", "x = (1, 2, 3, 4)", "x = (1, 3, 2, 4)"),
        ("", "P = (1, 2)", "P = (2, 1)"),
        ("Find x and y.", "x = 1 or y = 2", "y = 1 or x = 2"),
        ("Find y given 2y = 4.", "z = 2", "2"),
        ("Find (x, y).", "x = 3, y = 4", "(4, 3)"),
        ("What is the asymptote?", "x = 3", "y = 3"),
        ("What is the asymptote?", "x = 3", "3"),
        ("Give the equation of the line.", "y = 3x", "3x"),
        ("Give the line in slope-intercept form.", "y = 3x - 2", "3x - y = 2"),
    ],
)
def test_other_equations_are_not_the_same(question: str, first: str, second: str) -> None:
    assert key(first, question) != key(second, question)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Paris",
            "5",
            "x == 5",
            "x := 5",
            "a => b",
            "x = 5 <",
            "= 5",
            "x =",
            "x = blue",
        ),
        *("=" * 300, "x=1," * 60),
    ],
)
def test_what_is_no_equation_is_not_read(text: str) -> None:
    assert equations.read(text, Asked(), key) is None
