"""Questions of which every character of the answer counts, and those of which it does not."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.wording.exactness import exactness_asked


@pytest.mark.parametrize(
    ("question", "exactness"),
    [
        ("Which Markdown makes a word bold?", "source"),
        ("Which Python function sorts a list?", "code"),
        ("What does len('abc') return?", "code"),
        ("What exactly does the program print?", "output"),
        ("What is the password?", "secret"),
        ("Which character separates the fields?", "character"),
        ("Which move in this game of chess is best?", "move"),
        ("Which chord is it?", "note"),
        ("In which version was it fixed?", "version"),
        ("What is her phone number?", "phone"),
        ("What is the ZIP code?", "mark"),
        ("What is written on the sign?", "mark"),
        ("What is the interface called?", "mark"),
    ],
)
def test_questions_that_ask_for_characters(question: str, exactness: str) -> None:
    assert exactness_asked(question) == exactness


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is 2 + 2?",
        "What is f(3)?",
        "Who wrote the book on the table?",
        "Which class of animals do frogs belong to?",
        "Which type of triangle is it?",
        "What is the speed at the top of the loop?",
        "How many passwords are there?",
        "What is the length of the password?",
        "Tom forgot his password. How old is he?",
    ],
)
def test_other_questions_do_not(question: str) -> None:
    assert exactness_asked(question) is None
