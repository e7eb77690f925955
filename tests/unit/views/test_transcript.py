"""A run as a story in Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from atlas_mcp.atlas.call_names import solver_call
from atlas_mcp.atlas.events import AttemptFailed
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.views.page.evidence_shapes import PageQuestion
from atlas_mcp.views.transcript import transcript
from tests.support.drawn_runs import runs
from tests.support.hostile_texts import RUNS
from tests.support.page_documents import document_of, eventful, hostile_run
from tests.support.played_runs import (
    Played,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    play,
    refined,
    remark,
)

HOSTILE = "x\n# Out\n```\n## Out\n~~~\n<script>alert(1)</script>\n[a](javascript:b) ![c](http://d)"


def told(run: Played) -> str:
    return transcript(document_of(run.records))


def headings(markdown: str) -> list[str]:
    tokens = MarkdownIt().parse(markdown)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


def test_it_reads_in_the_order_of_a_doubting_reader() -> None:
    assert headings(told(eventful())) == [
        "Run r1",
        "The question",
        "The answer",
        "What speaks against it",
        "How it follows",
        "To be known before trusting it",
        "How far the candidates agree",
        "What happened",
        "The candidates",
        "Explore 1",
        "Explore 2",
        "Explore 3",
        "What it cost",
        "Going on",
    ]


def test_what_happened_is_told_in_order() -> None:
    story = told(eventful()).partition("## What happened\n\n")[2].partition("\n\n## ")[0]

    assert story.split("\n\n") == [
        "**1 s** Explores 1 and 2 begin: The first explores start at once: one candidate is never "
        "enough.",
        "**4 s** Explore 1 answers `42` (75%)",
        "**5 s** Explore 2 failed: out of time: it ended badly.",
        "**8 s** The orchestrator (turn 1) asks for explore 3: `Looking further.`",
        "**10 s** Explore 3 answers `41` (75%)",
        "**13 s** The orchestrator (turn 2) stops and answers: how it follows stands above.",
    ]


def test_what_was_sent_back_and_made_again_is_told() -> None:
    run = play(a_run(prefetch=1), answers(), explores({}), answers())
    assert "The orchestrator (turn 1) is sent back. It said: `Both say so.`" in told(run)

    retry = AttemptFailed(solver_call(1), 1, failed("unavailable", "503"), NO_CHARGE, 9.0)
    records = followed_by(eventful().records[:3], retry, at=5.0)
    text = transcript(document_of(records, driven=True))
    assert (
        "**5 s** Explore 1, attempt 1 failed and is made again: 503; made again after 4 s." in text
    )
    assert "No answer yet: 0 candidates so far, 1 explore at work." in text
    assert "At work: `#1 a direct, attempt 2`." in text
    assert "No process drives this run any more." in transcript(document_of(records))


def test_remarks_pictures_schemas_and_questions_have_their_places() -> None:
    assert "### Explore 2: critic on explore 1\n\n```text\nNo.\n```" in told(
        refined(found(), remark("No."), found())
    )
    problem = Problem("How many?", (Image("image/png", "AAAA"),), {"type": "string"})
    text = told(play(a_run(), problem=problem))
    assert "Picture 1: image/png" in text
    assert '```json\n{\n  "type": "string"\n}\n```' in text

    asked = PageQuestion(
        number=1, at=1.0, question="Why?", state="answered", answer="So.", cites=[1, 2]
    )
    document = document_of(eventful().records).model_copy(update={"questions": [asked]})
    assert "## Asked afterwards\n\n### Question 1\n\n```text\nWhy?\n```" in transcript(document)
    assert "It rests on explores 1 and 2." in transcript(document)
    noted = asked.model_copy(update={"note": "Texts were shortened."})
    document = document.model_copy(update={"questions": [noted]})
    assert "Note: Texts were shortened." in transcript(document)


OURS = re.compile(r"Run r1|The |What |How |To be known|Explore \d+$|Going on")


@pytest.mark.parametrize("text", [HOSTILE, *RUNS.values()], ids=["headings", *RUNS.keys()])
def test_hostile_text_stays_in_its_place(text: str) -> None:
    tokens = MarkdownIt().enable("table").parse(told(hostile_run(text)))

    kinds = {one.type for one in tokens} | {
        child.type for one in tokens for child in one.children or ()
    }
    assert not {"html_inline", "html_block", "link_open", "image", "table_open", "hr"} & kinds
    found = [tokens[i + 1].content for i, one in enumerate(tokens) if one.type == "heading_open"]
    assert [one for one in found if not OURS.match(one)] == []


@given(runs())
def test_every_run_has_a_story(run: Played) -> None:
    for count in range(1, len(run.records) + 1, 9):
        text = transcript(document_of(run.records[:count], driven=True))
        assert re.match(r"# Run r1\n", text)
        assert headings(text)[:3] == ["Run r1", "The question", "The answer"]
