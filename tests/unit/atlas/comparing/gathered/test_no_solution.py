"""Answers that say that there is none."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import no_solution

SOLVE = "Solve the equation over the real numbers."
WHICH = "Which of the following numbers are squares, if any?"
LIMIT = "Find the limit, or write DNE if it does not exist."


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("∅", r"\varnothing", ""),
        ("∅", "{ }", ""),
        (r"\emptyset", "the empty set", ""),
        ("∅", "No solutions.", SOLVE),
        (r"\{\}", "There are no solutions", SOLVE),
        ("x ∈ ∅", "no solution", SOLVE),
        ("No real solutions", "the equation has no solution", SOLVE),
        ("no real roots", "∅", SOLVE),
        ("\u00d8", "It has no solutions", SOLVE),
        ("none", "no solution", SOLVE),
        ("None", "∅", WHICH),
        ("There are none.", "none", WHICH),
        ("The system is inconsistent.", "no solution", "Solve the system."),
        ("L = {}", "keine Lösung", "Löse die Gleichung."),
        ("DNE", "The limit does not exist.", LIMIT),
        ("dne", "doesn't exist", LIMIT),
        ("DNE", "does not exist", ""),
        ("undefined", "DNE", "Where the slope is undefined, write DNE."),
        ("infinitely many solutions", "There are infinitely many solutions.", ""),
        ("infinitely many", "infinitely many solutions", SOLVE),
    ],
)
def test_the_ways_to_say_that_there_is_none_have_one_key(
    one: str, other: str, question: str
) -> None:
    asked = Asked(question)
    assert no_solution.read(one, asked) == no_solution.read(other, asked) is not None


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("no solution", "infinitely many solutions", ""),
        ("no solution", "infinitely many solutions", SOLVE),
        ("no real solution", "no solution", ""),
        ("no real solutions", "no solutions", "Solve over the complex numbers."),
        ("no integer solutions", "no solutions", SOLVE),
        ("no solution", "DNE", SOLVE),
        ("∅", "no solution", ""),
        ("undefined", "does not exist", LIMIT),
    ],
)
def test_different_kinds_of_none_stay_apart(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert no_solution.read(one, asked) != no_solution.read(other, asked)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("None", ""),
        ("None", "What does the Python function return?"),
        ("none", "How many roots does the polynomial have?"),
        ("none of the above", WHICH),
        ("{0}", SOLVE),
        ("{∅}", SOLVE),
        ("0", SOLVE),
        ("no", SOLVE),
        ("undefined", ""),
        ("DNE", "Which abbreviation stands for a river that does not exist any more?"),
        ("does not exist", "What does the error message say?"),
        ("no roots", "What do mosses have?"),
        ("There is no such solution as that.", SOLVE),
    ],
)
def test_other_texts_are_not_read(text: str, question: str) -> None:
    assert no_solution.read(text, Asked(question)) is None
