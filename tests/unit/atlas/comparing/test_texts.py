"""Texts, through all stages of their reading."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.texts import MAX_DEPTH, text_key


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("Rome\u200b", "Rome", ""),
        ("Sa\u0303o Tome\u0301", "S\u00e3o Tom\u00e9", ""),
        ("1\r\n2", "1\n2", ""),
        (r"$\boxed{\frac{1}{4}}$", "0.25", ""),
        ("**Answer:** yes.", "Yes", "Is it so?"),
        ("(C)", "Rome", "Where is it? (A) Oslo (B) Bern (C) Rome"),
        ('{"a": 1, "b": "x"}', '{"b": "x", "a": 1.0}', ""),
    ],
)
def test_texts_of_one_answer(one: str, other: str, question: str) -> None:
    assert text_key(one, Asked(question)) == text_key(other, Asked(question))


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("len", "Len", "Which Python function is it?"),
        ("The answer is not 5", "5", ""),
        ('{"a": NaN}', '{"a": 1}', ""),
        ('{"a": 1, "a": 2}', '{"a": 2}', ""),
        ("A", "B", "Where is it? (A) Oslo (B) Bern (C) Rome"),
    ],
)
def test_texts_of_two_answers(one: str, other: str, question: str) -> None:
    assert text_key(one, Asked(question)) != text_key(other, Asked(question))


@pytest.mark.parametrize(("open_", "close"), [("(", ")"), ("{", "}"), ("[", "]"), ("[1,", "]")])
def test_what_lies_deep_is_compared_as_it_is_written(open_: str, close: str) -> None:
    deep = 10 * MAX_DEPTH
    nested = [open_ * deep + inner + close * deep for inner in ("1", "2", "1")]

    keys = [text_key(text, NOTHING_ASKED) for text in nested]

    assert keys[0] == keys[2] != keys[1]
