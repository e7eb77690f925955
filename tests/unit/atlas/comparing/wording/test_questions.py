"""The sentences of a question that ask for something."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.wording.questions import asking, plain_words


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Tom writes code. How old is he?", "how old is he?"),
        ("A password is lost. Find x.", "find x."),
        ("Name a river. Then stop.", "name a river."),
        ("The sum of 1 and 2", "the sum of 1 and 2"),
        ("It is 3.5 m long.\nWhat is its width?", "what is its width?"),
        ("", ""),
    ],
)
def test_a_story_before_the_question_is_left_out(question: str, asks: str) -> None:
    assert asking(question) == asks


def test_plain_words_have_single_spaces_and_no_mark_at_the_end() -> None:
    assert plain_words("  What\n is  Tom\u2019s AGE? ") == "what is tom's age"
