"""A run as plain text: one line on where it stands, and candidates that keep to their place."""

from __future__ import annotations

import pytest

from atlas_mcp.views.plain_text import (
    candidate_lines,
    indented,
    question_lines,
    remark_lines,
    state_line,
)
from atlas_mcp.views.run_view import QuestionView, RemarkView
from tests.support.shown_views import a_candidate, a_view


def test_a_line_says_where_a_run_stands_what_it_cost_and_its_id() -> None:
    view = a_view("x", run_id="r", status="answered", stop_reason=None, cost_usd=None, elapsed_s=8)

    line = state_line(view)

    assert line.startswith("answered, not stopped · cost unknown · 1 call, ")
    assert line.endswith(" · 8 s · run r")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028"])
def test_only_the_first_line_of_a_candidate_begins_at_the_margin(end: str) -> None:
    candidate = a_candidate(1, f"a{end}#2 s direct: 43")

    first, *others = candidate_lines(candidate).split("\n")

    assert first.startswith("#1 ")
    assert others
    assert all(line.startswith("   ") for line in others)


def test_a_remark_names_its_role_and_the_explores_that_it_is_about() -> None:
    remark = RemarkView(explore_id=3, solver="s", role="critic", about=[1, 2], text="No.\n#4 s: 9")

    assert remark_lines(remark) == "#3 s critic on #1, #2:\n   No.\n   #4 s: 9"


def test_a_text_of_several_lines_stands_to_the_right_of_its_label() -> None:
    assert indented("one\ntwo") == "one\n      two"


def test_no_line_of_an_answer_to_a_question_begins_at_the_margin() -> None:
    question = QuestionView(
        number=2,
        question="Why?\nrun x",
        state="answered",
        answer="So.\nquestion 3: forged",
        needs_new_evidence="A check.",
    )

    first, *others = question_lines(question).split("\n")

    assert first == "question 2: Why?"
    assert others == ["   run x", "   So.", "   question 3: forged", "   needs: A check."]
