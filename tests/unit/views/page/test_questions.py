"""The questions on a run's page."""

from __future__ import annotations

from dataclasses import replace

from atlas_mcp.atlas.question_events import QuestionAsked
from atlas_mcp.views.questions import SHORTENED
from atlas_mcp.views.transcript import transcript
from tests.support.page_documents import document_of
from tests.support.played_runs import a_run, answers, play, posed, questioned


def test_a_question_stands_with_its_answer_and_may_be_asked_on() -> None:
    document = document_of(questioned(play(a_run(), answers())).records)

    (question,) = document.questions
    assert (question.state, question.answer, question.cites) == (
        "answered",
        "Explore 1 rules it out.",
        [1],
    )
    assert "ask" in document.actions
    assert document.live is False


def test_a_question_under_way_leaves_its_run_answered_and_can_be_cancelled() -> None:
    document = document_of(posed(play(a_run(), answers())), driven=True)

    assert (document.status, document.questions[0].state) == ("answered", "asked")
    assert {"ask", "cancel"} <= {*document.actions}


def test_a_question_of_a_process_that_is_gone_counts_as_failed() -> None:
    document = document_of(posed(play(a_run(), answers())))

    assert document.questions[0].state == "failed"
    assert "again" in (document.questions[0].error or "")


def test_an_answer_from_shortened_evidence_has_a_note_and_no_error() -> None:
    records = [
        replace(one, event=replace(one.event, shortened=True))
        if isinstance(one.event, QuestionAsked)
        else one
        for one in questioned(play(a_run(), answers())).records
    ]

    document = document_of(records)

    (question,) = document.questions
    assert (question.state, question.note, question.error) == ("answered", SHORTENED, None)
    assert f"Note: {SHORTENED}" in transcript(document)
