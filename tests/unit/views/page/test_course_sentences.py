"""Decisions and troubles in sentences."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given

from atlas_mcp.texts import one_line
from atlas_mcp.views.course_lines import course_lines
from atlas_mcp.views.page.course_sentences import (
    decision_sentence,
    trouble_sentence,
)
from atlas_mcp.views.page.course_shapes import Decider, DecisionKind, TroubleKind
from atlas_mcp.views.transcript import transcript
from tests.support.drawn_runs import runs
from tests.support.page_documents import document_of
from tests.support.played_runs import Played


@pytest.mark.parametrize(
    ("kind", "by", "turn", "explores", "sentence"),
    [
        ("started", "rule", None, [1, 2], "Explores 1 and 2 begin"),
        ("explored", "rule", 2, [3], "Explore 3 begins"),
        ("explored", "client", None, [3], "The client asks for explore 3"),
        (
            "explored",
            "orchestrator",
            1,
            [3, 4],
            "The orchestrator (turn 1) asks for explores 3 and 4",
        ),
        ("sent_back", "rule", 2, [], "The orchestrator (turn 2) is sent back"),
        ("synthesized", "orchestrator", 3, [], "The orchestrator (turn 3) stops and answers"),
        ("stopped", "orchestrator", 3, [], "The orchestrator (turn 3) stops"),
        ("stopped", "user", None, [], "A person stops the run"),
        ("resumed", "user", None, [], "The run is resumed"),
        ("limit", "rule", None, [5, 6], "Explores 5 and 6 will not run"),
        ("limit", "rule", None, [], "A limit is reached"),
        ("workflow", "rule", None, [2], "Explore 2 begins"),
    ],
)
def test_a_decision_is_a_sentence(
    kind: DecisionKind, by: Decider, turn: int | None, explores: list[int], sentence: str
) -> None:
    assert decision_sentence(kind, by, turn=turn, explore_ids=explores) == sentence


def test_every_decision_has_a_sentence() -> None:
    for kind in get_args(DecisionKind):
        for by in get_args(Decider):
            for explores in ((), (1,), (1, 2)):
                assert decision_sentence(kind, by, explore_ids=explores)[0].isupper()


def test_a_trouble_is_a_sentence() -> None:
    assert [trouble_sentence(kind, "explore 2") for kind in get_args(TroubleKind)] == [
        "Explore 2 failed",
        "Explore 2 failed and is made again",
        "Explore 2 was refused",
        "Lost: explore 2",
    ]


@given(runs())
def test_page_transcript_and_lines_take_the_same_sentences(run: Played) -> None:
    document = document_of(run.records)
    story, lines = transcript(document), "\n".join(course_lines(document))

    for one in [*document.decisions, *document.troubles]:
        assert one.sentence in story
        assert one_line(one.sentence) in lines
