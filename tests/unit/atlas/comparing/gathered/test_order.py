"""What a question says about the order of an answer's parts."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.gathered.order import asked_order


@pytest.mark.parametrize(
    "question",
    [
        "Solve x^2 = 9.",
        "Find the roots of the polynomial.",
        "Which of the numbers are odd?",
        "Name the three primary colours.",
        "Give all possible values of n.",
        "List the divisors of 12 in any order.",
        "In order to win, which of these cards must be played?",
        "Solve t^2 - 2kt = 3 for t.",
        "Find the roots of f(x) = x^2 - 4.",
        "Find all common divisors of 12 and 18.",
        "What are the eigenvalues of the matrix?",
    ],
)
def test_all_members_of_something_are_a_set(question: str) -> None:
    assert asked_order(question) == "set"


@pytest.mark.parametrize(
    "question",
    [
        "Find all solutions in increasing order.",
        "List the first six terms.",
        "Sort the numbers.",
        "Rank the cities from largest to smallest.",
        "In what order are the nodes visited?",
        "Find the values of x and y.",
        "Solve the system for (x, y).",
        "What are the coordinates of the midpoint?",
        "What are the minimum and the maximum?",
        "Which two numbers fill the blanks?",
        "Find all values: lower and upper quartile.",
        "Find both numbers, the larger first.",
        "Give the solutions (larger first).",
        "Give x1 and x2 with x1 < x2 as solutions.",
        "Find the number of roots of f and of g.",
        "Solve (a) 5x = 25 and (b) 3x = 9.",
        "Select the two words that complete the sentence.",
        "Which planets are the 4th and 2nd from the Sun?",
        "Solve p + q = 5, p - q = 1.",
        "Solve 3x + 2y = 12 over the positive integers.",
        "Give the smaller and the larger root.",
        "Name the two capitals of France and England.",
        "Find all solutions [a, b].",
    ],
)
def test_terms_and_named_values_have_an_order(question: str) -> None:
    assert asked_order(question) == "sequence"


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is it?",
        "I placed an order for two books.",
        "Who wrote the letters?",
        "Solve: how many goats and cows has the farmer?",
    ],
)
def test_other_questions_leave_it_undecided(question: str) -> None:
    assert asked_order(question) is None
