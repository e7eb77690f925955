"""Inequalities, bounds in words, intervals and sets of real numbers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.relations import inequalities, intervals

SOLVE = "Solve the inequality."
DOMAIN = "What is the domain of f?"


def key(text: str, question: str = "") -> str:
    return answer_key(text, Asked(question))


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("", "y<4", "4>y"),
        ("", "y ≥ 4", "4 <= y"),
        ("", r"y \leq \frac{1}{2}", "y ≤ 0.5"),
        ("", "y > 1 and y < 4", "1 < y < 4"),
        ("", "4 > y > 1", "1<y<4"),
        ("", "y < 1 or y > 4", "y > 4 or y < 1"),
        ("", "at least 4", ">= 4"),
        ("", "4 or more", "no less than 4"),
        ("", "more than 4", "> 4"),
        ("", "at least four", "4 or more"),
        ("", "at most 4", "≤ 4"),
        ("", "|y| < 4", "4 > |y|"),
        ("", "y > 2x + 1", "2x < y - 1"),
        ("", "y != 4", "y ≠ 4"),
        ("", "[0, 2)", "[0,2)"),
        ("", "(0,2) ∪ (3,4)", "(3, 4) U (0, 2)"),
        ("", "]0;2]", "(0,2]"),
        ("", r"\left(0, \infty\right)", "(0, ∞)"),
        (SOLVE, "[1, 4]", "1 ≤ y ≤ 4"),
        (SOLVE, "y > 3", "(3, ∞)"),
        (SOLVE, "2y + 1 < 7", "y < 3"),
        (SOLVE, "|y - 2| ≤ 3", "[-1, 5]"),
        (SOLVE, "|y| > √2", "y < -√2 or y > √2"),
        ("", "-2y > -6", "y < 3"),
        (SOLVE, "y < 1 or y ≥ 4", "(-∞, 1) ∪ [4, ∞)"),
        (SOLVE, "(-√2, √2)", r"-\sqrt{2} < y < \sqrt{2}"),
        (SOLVE, "{y | y > 3}", "y > 3"),
        (SOLVE, "y ∈ (3, ∞)", "(3,∞)"),
        (SOLVE, "(0,1] ∪ (1,2)", "(0, 2)"),
        (DOMAIN, r"y \neq 2", r"\mathbb{R}\setminus\{2\}"),
        (DOMAIN, "(-∞, 2) ∪ (2, ∞)", "all real numbers except 2"),
        (DOMAIN, "y ≠ ±2", r"ℝ\{-2, 2}"),
        (DOMAIN, "(-∞, ∞)", "all real numbers"),
        ("On which open interval is f positive?", "]0,2[", "(0,2)"),
    ],
)
def test_sets_with_the_same_numbers_are_the_same(question: str, first: str, second: str) -> None:
    assert key(first, question) == key(second, question)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("", "y<4", "4<y"),
        ("", "y<4", "y≤4"),
        ("", "y<4", "y<-4"),
        ("", "y<4", "z<4"),
        ("", "y > 1 and y < 4", "y < 1 or y > 4"),
        ("", "|y|<4", "y<4"),
        ("", "at least 4", "more than 4"),
        ("", "at least 4", "at most 4"),
        ("", "at least 4", "4"),
        ("", "[0,2)", "(0,2]"),
        ("", "(0,2)", "(0,3)"),
        ("", "(-2, 2)", "(2, -2)"),
        ("", "]0,2]", "[0,2]"),
        ("", "(0,2) ∪ (3,4)", "(0,2)"),
        ("", "(0,2) ∪ (3,4)", "(0,2) ∩ (3,4)"),
        ("", "y > 2x + 1", "y < 2x + 1"),
        (SOLVE, "(1, 4)", "[1, 4]"),
        (SOLVE, "(0,1) ∪ (1,2)", "(0, 2)"),
        (SOLVE, "y > 3", "y ≥ 3"),
        ("For which values of a and b is it so?", "a > 3", "b > 3"),
        ("Write an inequality.", "2y < 6", "y < 3"),
        ("What are the coordinates of P?", "(2, 5)", "]2, 5["),
        (DOMAIN, "[1, 2]", "{1, 2}"),
        (DOMAIN, "ℝ∖{2}", "ℝ∖{-2}"),
        (DOMAIN, "ℝ∖{2}", "ℝ"),
        (DOMAIN, "y ≠ 2", "y = 2"),
    ],
)
def test_other_sets_are_not_the_same(question: str, first: str, second: str) -> None:
    assert key(first, question) != key(second, question)


@pytest.mark.parametrize(
    "text",
    ["Paris", "5", "x = 5", "<html>", "a -> b", "x <", "< >", "<" * 200, "1<2<3<4<5<6<7<8<9", "[]"],
)
def test_what_is_neither_is_not_read(text: str) -> None:
    assert inequalities.read(text, Asked(), key) is None
    assert intervals.read(text, Asked(), key) is None
