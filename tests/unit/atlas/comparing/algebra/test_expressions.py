"""Expressions: which are the same, which are not, and which texts are none."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.algebra import expressions
from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked


def key(text: str, question: str = "") -> str:
    return answer_key(text, Asked(question))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("y^2 + 6y + 9", "(y+3)^2"),
        ("5(a - b)", "5a − 5b"),
        ("7x^3y - y", "-y + 7yx^3"),
        (r"\frac{3}{y-2}", "3/(y-2)"),
        ("1/(y-1) - 1/(y+1)", "2/(y^2-1)"),
        ("a/(b/c)", "a*c/b"),
        ("1/y + 1/y", "2/y"),
        (r"3\pi", "pi*3"),
        (r"3\sqrt{2}", r"\sqrt{18}"),
        ("√3/3", r"\frac{1}{\sqrt{3}}"),
        ("1/(1+√2)", "√2 - 1"),
        ("∛16", "2∛2"),
        ("√(4y)", "2√y"),
        ("y^(1/2)", "√y"),
        (r"\ln 27", "3 ln(3)"),
        (r"\log_3 81", "4"),
        ("log_4 8", "3/2"),
        (r"e^{i\pi/2}", "i"),
        ("(1+i)^2", "2i"),
        ("1/(1+i)", "(1-i)/2"),
        ("√(-9)", "3i"),
        ("6!", "720"),
        (r"\binom{6}{2}", "15"),
        ("2^(n+1)", r"2\cdot 2^n"),
        ("4^n", "2^(2n)"),
        ("e^(-t)", "1/e^t"),
        ("(-1)^(n+1)", "-(-1)^n"),
        ("cos(2t)", r"1 - 2\sin^2 t"),
        (r"\tan t", "sin(t)/cos(t)"),
        (r"\sin\frac{\pi}{3}", "√3/2"),
        ("sin(30°)", "1/2"),
        ("|3 - y|", "|y - 3|"),
        (r"\ln|y| + 2", "2 + ln|y|"),
        ("x y", "xy"),
        ("x²", "x^2"),
        ("½y", "y/2"),
        ("2 × y × 3", "6y"),
        ("2 × π", "2π"),
        ("3 + 7", "7 + 3"),
        ("(1/2)/3", "1/6"),
        ("1/2 y", "y/2"),
        ("the square root of 18", "3√2"),
        ("|6+8i|", "10"),
        ("√2 e^(iπ/4)", "1+i"),
        ("b·a", "ab"),
        ("√3 ≈ 1.73", "√3"),
        (r"\pm 3", "±3"),
        ("3 ± √2", r"3\pm\sqrt2"),
    ],
)
def test_expressions_with_one_exact_form_are_the_same(first: str, second: str) -> None:
    assert key(first) == key(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("y^2 + 6y + 9", "y^2 - 6y + 9"),
        ("a - b", "b - a"),
        ("x^2y", "xy^2"),
        ("x²", "x2"),
        ("x_2", "x^2"),
        ("-y^2", "(-y)^2"),
        (r"\sin^2 t", r"\sin t^2"),
        ("√(y^2)", "y"),
        ("ln(y^2)", "2 ln(y)"),
        ("y/y", "1"),
        ("(y^2-1)/(y-1)", "y+1"),
        ("√y·√z", "√(y·z)"),
        ("|y|", "y"),
        ("√3", "1.732"),
        ("π", "3.14159"),
        ("√3 ≈ 1.83", "√3"),
        ("√2 + √3", "√5"),
        ("2^x", "x^2"),
        ("6!", "6"),
        ("u × v", "v × u"),
        (r"u \times v", r"u \cdot v"),
        ("3 + 7", "5 + 5"),
        ("3 + 7", "10"),
        ("1/2 + 1/3", "5/6"),
        ("Aa × Aa", "AA × aa"),
        ("2.0-rc", "2-rc"),
        ("0^0", "1"),
        ("x y", "y x"),
        ("y^1/2", "y/2"),
        ("1/2y", "y/2"),
        ("x[0]", "x(0)"),
        ("x(0)", "0"),
        ("AB + BA", "2AB"),
        ("5 mg", "5 gm"),
        ("O-O", "0"),
        ("5-10", "-5"),
        ("3 × 4", "4 × 3"),
        ("3 × 4", "12"),
        ("A-B-C", "A-C-B"),
        ("a/b/c", "a/c/b"),
        ("2 1/2 x", "(5/2)x"),
        ("±3", "3"),
        ("3±√2", "-3±√2"),
        (r"\frac{y^2}{3}", r"\frac{y}{3}^2"),
    ],
)
def test_other_expressions_are_not_the_same(first: str, second: str) -> None:
    assert key(first) != key(second)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("Find the indefinite integral of 3t^2.", "t^3 + C", "t^3 + c"),
        ("Find an antiderivative of 2t.", "t^2 + constant", "t^2 + C"),
        ("Factor.", "(1/2)(y+1)", "(y+1)/2"),
        ("What is ∫ cos t dt?", "sin t + C", "K + sin(t)"),
        ("Round √3 to two decimal places.", "√3", "1.73"),
        ("Give 2π to the nearest integer.", "2π", "6"),
        ("Factor y^2 - 1.", "(y-1)(y+1)", "(y+1)(y-1)"),
    ],
)
def test_the_question_makes_expressions_the_same(question: str, first: str, second: str) -> None:
    assert key(first, question) == key(second, question)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("Find the indefinite integral of 3t^2.", "t^3 + C", "t^3"),
        ("Find the indefinite integral of 3t^2.", "t^3 + C", "t^2 + C"),
        ("Round √3 to two decimal places.", "√3", "1.74"),
        ("Factor y^2 - 1.", "(y-1)(y+1)", "y^2 - 1"),
        ("Expand (y+1)^2.", "(y+1)^2", "y^2+2y+1"),
        ("Simplify √12.", "√12", "2√3"),
        ("Give it with a rational denominator.", "√2/2", "1/√2"),
        ("Write it with a rational exponent.", "t^(1/2)", "√t"),
        ("Write 120 as a factorial.", "5!", "120"),
        ("Write it in ascending order of powers.", "1 + t + t^2", "t^2 + t + 1"),
        ("Write 10 as the sum of two primes.", "3 + 7", "5 + 5"),
        ("Express cos 2t in terms of sin t.", "1 - 2 sin^2 t", "2 cos^2 t - 1"),
        ("Write with positive exponents.", "t^-1", "1/t"),
        ("The matrices a and b do not commute. Expand.", "ab + a", "ba + a"),
    ],
)
def test_the_question_keeps_expressions_apart(question: str, first: str, second: str) -> None:
    assert key(first, question) != key(second, question)


@pytest.mark.parametrize(
    "text",
    [
        *("cat", "ab", "CO", "US", "42", "x-ray", "T-shirt", "and/or", "n/a", "5 kg", "H2O", "x2"),
        *(
            "1/2x",
            "2x/3y",
            "sin x/2",
            "√2x",
            "e^2x",
            "1 2",
            "2 1/2",
            "x 2",
            "C++",
            "A+",
            "*x",
            "x*",
        ),
        *(
            "",
            "(",
            "2..3",
            "1,000x",
            "2024-01-02",
            "9/11/2001",
            "3-2",
            "x = 5",
            "x < 3",
            "f(x",
            "5!!",
        ),
    ],
)
def test_what_is_no_expression_or_two_is_not_read(text: str) -> None:
    assert expressions.read(text, Asked(), key) is None


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9",
        "(" * 2000 + ")" * 2000,
        "(" * 150 + "x" + ")" * 150,
        "(x+y+z+1)^99",
        "(x+1)^((y+1)^12)",
        "2^3000*2^3000*2^3000",
        "x" + "+x" * 190,
        "√(" * 90 + "x" + ")" * 90,
        "1/(1+√2+√3+√5+√7+√11)",
        "999999999999999999999999999999!",
        "10^(10^(10^10))",
        "√" + "9" * 300,
        "ln(" + "7" * 350 + ")",
    ],
)
def test_expressions_that_would_take_long_have_a_key_of_their_own(text: str) -> None:
    assert key(text) == key(text) != key(text + "+1")


def test_both_signs_give_two_texts() -> None:
    assert expressions.both_signs("±√3") == ("√3", "-√3")
    assert expressions.both_signs("2 ± √3") == ("2 + √3", "2 - √3")
    assert expressions.both_signs("(1±√5)/2") == ("(1+√5)/2", "(1-√5)/2")
    assert expressions.both_signs("1 ± 2 ∓ x") == ("1 + 2 - x", "1 - 2 + x")
    assert expressions.both_signs("±1 ± 2") is None
    assert expressions.both_signs("2 + 3") is None


def test_a_tree_says_what_an_expression_is_made_of() -> None:
    from fractions import Fraction

    assert expressions.parse("x^2 - 3") == (
        "sum",
        ("power", ("name", "x"), ("number", Fraction(2))),
        ("number", Fraction(-3)),
    )
    assert expressions.parse("Paris") is None


def test_a_rational_value_has_the_key_of_its_number() -> None:
    assert key("√9/6") == key("0.5") == "number:1/2"
    assert key("2^5 - 1") == key("31")
