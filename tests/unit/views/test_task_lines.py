"""A task says where its run stands; candidates are counted apart from failures."""

from __future__ import annotations

from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.task_lines import resume_question, task_message
from tests.support.shown_views import a_candidate, a_view


def a_run_of(status: Status) -> RunView:
    failure = a_candidate(2, "x", status="failed", answer=None, error="timeout: none came")
    candidates = [a_candidate(1, "x"), failure]
    return a_view("x", run_id="r", status=status, candidates=candidates, cost_usd="0.42")


def test_a_task_says_how_far_its_run_is() -> None:
    running, cancelled, interrupted, ended = (
        task_message(a_run_of(status))
        for status in ("running", "cancelled", "interrupted", "answered")
    )

    for message in (running, cancelled, interrupted, ended):
        assert "1 candidate, 1 explore failed, $0.42" in message
        assert "Run r" in message
    assert running.startswith("At work for ")
    assert ended.startswith("Ended after ")
    assert "resume_run" in cancelled
    assert "resume_run" in interrupted


def test_the_question_whether_to_resume_says_what_there_is_and_what_it_cost() -> None:
    question = resume_question(a_run_of("interrupted"))

    assert "r (1 candidate, 1 explore failed, $0.42)" in question
    assert question.endswith("under the cap it was given?")
