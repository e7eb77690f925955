"""Text that is compared word by word."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording import words

CAPITAL = "What is the capital of Italy?"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("Vienna", "vienna", ""),
        ("VIENNA", "Vienna", ""),
        ("ROME", "Rome", CAPITAL),
        ("NEW DELHI", "New Delhi", ""),
        ("The Atlantic Ocean", "Atlantic Ocean", ""),
        ("a square", "square", ""),
        ("A square", "square", ""),
        ("an ellipse", "ellipse", ""),
        ("Vitamin C", "vitamin C", ""),
        ("World War II", "World War 2", ""),
        ("Louis XIV", "Louis 14", ""),
        ("Chapter V", "chapter 5", ""),
        ("It isn't even", "It is not even", ""),
        ("It isn\u2019t even", "it isn't even", ""),
        ("cannot", "can't", ""),
        ("It's not even", "It is not even", ""),
        ("won't", "will not", ""),
        ("They're equal", "They are equal", ""),
        ("J. K. Rowling", "J.K. Rowling", ""),
        ("U.S.A.", "USA", ""),
        ("San  Marino", "San Marino", ""),
        ("24 Sheep", "24 sheep", ""),
        ("Saint\u2011Malo", "Saint-Malo", ""),
        ("Up", "up", ""),
        ("He", "he", "Who opened the door?"),
        ("The Doors", "Doors", "Which band was it?"),
        ("The Thames", "Thames", "Which river is it?"),
    ],
)
def test_words_that_are_the_same(one: str, other: str, question: str) -> None:
    assert words.key(one, Asked(question)) == words.key(other, Asked(question))


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("US", "us", ""),
        ("Aa", "aa", ""),
        ("Bbcc", "bbcc", ""),
        ("Am", "am", ""),
        ("He", "he", "Which element is it?"),
        ("The Band", "Band", "Which band was it?"),
        ("The Post", "Post", "Which newspaper was it?"),
        ("The B", "B", ""),
        ("Buzz", "buzz", "What is the output for n = 5?"),
        ("May", "may", "How is the word written?"),
        ("WHO", "who", ""),
        ("X", "x", ""),
        ("HashSet", "Hashset", ""),
        ("pH", "PH", ""),
        ("its", "it's", ""),
        ("were", "we're", ""),
        ("a few", "few", ""),
        ("a minor", "minor", ""),
        ("a", "the", "Which article fills the gap?"),
        ("Malcolm X", "Malcolm 10", ""),
        ("Elizabeth I", "Elizabeth II", ""),
        ("Henry IV", "Henry VI", ""),
        ("iron(II) oxide", "iron(III) oxide", ""),
        ("Maße", "Masse", ""),
        ("schon", "schön", ""),
        ("i", "ı", ""),
        ("Ω", "ω", ""),
        ("5 Mm", "5 mm", ""),
        ("x = A", "x = a", ""),
        ("24 sheep", "24 goats", ""),
        ("It is even", "It is not even", ""),
        ("ice cream", "icecream", ""),
    ],
)
def test_words_that_differ(one: str, other: str, question: str) -> None:
    assert words.key(one, Asked(question)) != words.key(other, Asked(question))
