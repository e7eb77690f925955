"""Where a question stands, by its records."""

from __future__ import annotations

from atlas_mcp.atlas.events import CallsLost
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import a_run, answers, followed_by, play, posed, questioned


def test_a_question_waits_is_in_flight_is_unread_and_is_over() -> None:
    run = play(a_run(), answers())
    asked = questioned(run)
    seen = [
        (one.waiting, one.in_flight, one.unread, one.is_open)
        for end in range(len(run.records) + 1, len(asked.records) + 1)
        for one in RunState.fold(asked.records[:end]).questions.values()
    ]

    assert seen == [
        (True, False, False, True),
        (False, True, False, True),
        (False, False, True, True),
        (False, False, False, False),
    ]


def test_a_question_whose_process_is_gone_may_be_posed_again() -> None:
    records = followed_by(posed(play(a_run(), answers())), CallsLost())

    question = RunState.fold(records).questions[1]

    assert (question.is_open, question.may_be_posed_again) == (False, True)
