"""The course of a run in lines."""

from __future__ import annotations

from hypothesis import given

from atlas_mcp.views.course_lines import course_lines, money_lines
from tests.support.drawn_runs import runs
from tests.support.page_documents import document_of, eventful, hostile_run
from tests.support.played_runs import Played, a_run, answers, explores, play


def test_the_course_is_told_in_order() -> None:
    document = document_of(eventful().records)

    assert course_lines(document) == [
        "1 s: Explores 1 and 2 begin: The first explores start at once: one candidate is never "
        "enough.",
        "5 s: Explore 2 failed: out of time: it ended badly",
        "8 s: The orchestrator (turn 1) asks for explore 3: Looking further.",
        "13 s: The orchestrator (turn 2) stops and answers",
    ]
    assert [one.partition(":")[0] for one in money_lines(document)] == [
        "maker/a as solver",
        "maker/b as solver",
        "maker/boss as orchestrator",
    ]


def test_an_answer_that_was_sent_back_is_told_with_its_words() -> None:
    document = document_of(play(a_run(prefetch=1), answers(), explores({}), answers()).records)

    back = course_lines(document)[1]

    assert "The orchestrator (turn 1) is sent back: Not accepted yet" in back
    assert back.endswith("it had said: Both say so.")


def test_hostile_texts_stay_in_their_line() -> None:
    for line in course_lines(document_of(hostile_run("a\n1 s: b\x1b[2J").records)):
        assert "\n" not in line
        assert "\x1b" not in line


@given(runs())
def test_every_run_has_a_course(run: Played) -> None:
    assert course_lines(document_of(run.records))
