"""The records of a question, in their order."""

from __future__ import annotations

from tests.support.played_runs import a_run, answers, play, questioned, says


def test_a_question_is_announced_before_its_call_and_its_reply_recorded_before_it_is_read() -> None:
    run = play(a_run(), answers())

    asked = questioned(run)

    assert [one.event.type for one in asked.records[len(run.records) :]] == [
        "question_posed",
        "question_asked",
        "question_replied",
        "question_answered",
    ]


def test_a_reply_that_is_no_use_is_a_failure_whose_money_stands_with_the_reply() -> None:
    run = play(a_run(), answers())

    asked = questioned(run, says("", "refusal"))

    assert [one.event.type for one in asked.records[-2:]] == ["question_replied", "question_failed"]
    question = asked.state.questions[1]
    assert question.reply is not None
    assert question.charge == question.reply.charge
