"""What is known of a problem, of a long one its beginning and its end."""

from __future__ import annotations

from atlas_mcp.atlas.comparing.asked import MAX_QUESTION_CHARS, NOTHING_ASKED, Asked


def test_without_a_problem_nothing_is_known() -> None:
    assert Asked.about(None) == NOTHING_ASKED


def test_a_long_question_keeps_its_beginning_and_its_end() -> None:
    asked = Asked.about("Begin. " + "x" * MAX_QUESTION_CHARS + " End?")

    assert asked.question.startswith("Begin. ")
    assert asked.question.endswith(" End?")
    assert len(asked.question) <= MAX_QUESTION_CHARS + 1


def test_two_schemas_make_two_problems() -> None:
    assert Asked.about("x", {"type": "string"}) != Asked.about("x", {"type": "number"})
    assert hash(Asked.about("x", {"type": "string"})) == hash(Asked.about("x"))
