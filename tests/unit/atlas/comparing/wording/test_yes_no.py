"""Yes and no, true and false."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording import yes_no

PRIME = "Is 19 prime?"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("yes", "Yes", ""),
        ("TRUE", "true", ""),
        ("no", "No.", ""),
        ("はい", "はい。", ""),
        ("yes", "true", PRIME),
        ("Yes", "Yes, it is.", PRIME),
        ("Yes", "Yes, 19 is prime", PRIME),
        ("No", "No, it isn't", PRIME),
        ("No", "no, it's not", PRIME),
        ("Ja", "yes", "Ist 19 eine Primzahl?"),
        ("False", "no", "True or false: all primes are odd."),
    ],
)
def test_yes_is_the_same_in_each_of_its_forms(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert yes_no.read(one, asked) == yes_no.read(other, asked) is not None


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("yes", "no", ""),
        ("yes", "true", ""),
        ("yes", "ja", ""),
        ("Yes", "No", PRIME),
        ("yes", "true", "Is it true or is it even?"),
    ],
)
def test_yes_is_not_no_and_true_only_where_either_is_asked(
    one: str, other: str, question: str
) -> None:
    asked = Asked(question)
    assert yes_no.read(one, asked) != yes_no.read(other, asked)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Yes, except for n = 2", "Is every prime odd?"),
        ("Yes, it is not.", PRIME),
        ("No, it is.", PRIME),
        ("Yes, it is.", ""),
        ("Yes, prime is 19", PRIME),
        ("1", PRIME),
        ("Not yes", PRIME),
        ("unknown", PRIME),
        ("yEs", ""),
        ("NO", "Which gas is formed?"),
        ("No", "What is the chemical symbol?"),
    ],
)
def test_what_says_more_or_something_else_is_left(text: str, question: str) -> None:
    assert yes_no.read(text, Asked(question)) is None
