"""What comes off an answer before it is read, and what stays on it."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.wording import dress


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("**12**", "12"),
        ("***12***", "12"),
        ("*Macbeth*", "Macbeth"),
        ("_Macbeth_", "Macbeth"),
        ("`sorted`", "sorted"),
        ("``a`b``", "a`b"),
        ("```python\nx = 1\n```", "x = 1"),
        ("«Lyon»", "Lyon"),
        ("„Köln“", "Köln"),
        ('"Lyon"', "Lyon"),
        ("「京都」", "京都"),
        ("$$y^2$$", "y^2"),
        (r"\(y^2\)", "y^2"),
        (r"\[36\]", "36"),
        ("$x = 2$ or $x = -2$", "x = 2 or x = -2"),
        ("$12$ cm", "12 cm"),
        (r"\boxed{8}", "8"),
        (r"$\boxed{8}$.", "8"),
        (r"\boxed{8} cm", "8 cm"),
        (r"So the sum of both is \boxed{8}.", "8"),
        (r"\boxed{1}, \boxed{2}", "1, 2"),
        ("**Answer:** 12", "12"),
        ("**Answer**: 12", "12"),
        ("Answer: **B**", "B"),
        ("*Answer*: 12", "12"),
        ("The final answer is 12.", "12"),
        ("## Final Answer\n\n12", "12"),
        ("## 12", "12"),
        ("Die Antwort ist 12.", "12"),
        ("La réponse est 12.", "12"),
        ("答案是12。", "12"),
        ("Thus, x = 7.", "x = 7"),
        ("Therefore, the answer is 7", "7"),
        ("= 12", "12"),
        ("Lyon.", "Lyon"),
        ("Lyon!", "Lyon"),
        ("Lyon;", "Lyon"),
        ("Lyon,", "Lyon"),
        ("北京！", "北京"),
        ("\uff11\uff12", "12"),
        ("\ufb01nite", "finite"),
        ("x  +\n1", "x + 1"),
        ("1\u202f000", "1\u202f000"),
    ],
)
def test_dress_comes_off(text: str, bare: str) -> None:
    assert dress.off(text, NOTHING_ASKED) == bare


@pytest.mark.parametrize(
    "text",
    [
        "*args",
        "**kwargs",
        "**",
        "*",
        "`",
        "__init__",
        "_x",
        "_main_",
        "2**3",
        "**a** and **b**",
        "$5 and $6",
        "$x",
        "'5'",
        '"true"',
        "5!",
        "n!",
        "...",
        "0.333...",
        "a.m.",
        "U.S.",
        "== 12",
        "The answer is not 12",
        "The answer is in Lyon",
        "The answer isn't 12",
        r"It is not \boxed{8}",
        "So long",
        "(a) 3\n(b) 4",
        ",",
        "Lyon?",
    ],
)
def test_what_may_have_a_meaning_stays(text: str) -> None:
    assert dress.off(text, NOTHING_ASKED) == text


@pytest.mark.parametrize(
    ("text", "question", "bare"),
    [
        ("The capital of Italy is Rome.", "What is the capital of Italy?", "Rome"),
        ("The capital of Italy is not Milan", "What is the capital of Italy?", None),
        ("It is Rome.", "What is the capital of Italy?", "Rome"),
        ("It is not Milan", "What is the capital of Italy?", None),
        ("It is even", "Is 4 even?", None),
    ],
)
def test_the_words_of_the_question_introduce_an_answer(
    text: str, question: str, bare: str | None
) -> None:
    assert dress.off(text, Asked(question)) == (text if bare is None else bare)


def test_the_mark_at_the_end_stays_where_it_may_be_part_of_the_answer() -> None:
    assert dress.off("s3cret.", NOTHING_ASKED, stop=False) == "s3cret."


@pytest.mark.parametrize("text", ["\\boxed{" * 300, "**" * 900, "$" * 1_999, "`" * 2_000])
def test_dress_without_an_end_stays(text: str) -> None:
    assert dress.off(text, NOTHING_ASKED)


def test_a_mark_that_may_belong_to_a_name_stays() -> None:
    assert dress.off("Yahoo!", Asked("Which company is it?")) == "Yahoo!"
    assert dress.off("Rome !", Asked("Which city is it?")) == "Rome"
