"""The document of a list of runs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from atlas_mcp.atlas.summary import TITLE_CHARS
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.journal.search import Found, FoundRun, FoundRuns, Outline
from atlas_mcp.views.page.run_list import PLAIN, run_line, runs_document

RUN = ListedRun(
    run_id="b4c5",
    title="6 * 7?",
    workflow="atlas",
    status="answered",
    opened_at=5.0,
    updated_at=60.0,
    size_bytes=10,
    driven=False,
)
OUTLINE = Outline(60.0, "decided", 3, Decimal("0.25"), 0.9, ("maker/m",), "42")


def test_a_run_is_listed_with_its_answer_and_where_it_was_found() -> None:
    found = FoundRun(RUN, OUTLINE, Found("answer", ("", "42", "")))

    line = run_line(found)

    assert line.model_dump(mode="json") == {
        "run_id": "b4c5",
        "title": "6 * 7?",
        "status": "answered",
        "stop_reason": "decided",
        "state": "answered",
        "workflow": "atlas",
        "started_at": 5.0,
        "ended_at": 60.0,
        "cost_usd": 0.25,
        "models": ["maker/m"],
        "explores": 3,
        "answer_text": "42",
        "confidence": 0.9,
        "indexed": True,
        "found_in": "answer",
        "snippet": [{"text": "42", "hit": True}],
    }


def test_a_run_that_was_not_read_has_what_its_row_says() -> None:
    line = run_line(FoundRun(replace(RUN, status="running"), None))

    assert (line.status, line.indexed, line.cost_usd) == ("interrupted", False, None)


def test_a_title_that_was_cut_says_so() -> None:
    line = run_line(FoundRun(replace(RUN, title="a" * TITLE_CHARS), None))

    assert line.title == "a" * TITLE_CHARS + "…"


def test_texts_are_made_printable() -> None:
    bad = "\x1b[31m\u202e\0<script>"
    outline = replace(OUTLINE, answer=bad, models=(bad,))
    found = FoundRun(replace(RUN, title=bad), outline, Found("problem", (bad, bad, "")))

    text = run_line(found).model_dump_json()

    assert "\\\\u202e" in text
    assert "\u202e" not in text
    assert "<script>" in text


def test_the_document_says_what_it_does_not_know() -> None:
    whole = runs_document(FoundRuns("", 50, 0, (FoundRun(RUN, OUTLINE),), 1), 9.0)
    partial = runs_document(FoundRuns("primes", 50, 0, (), 0, unread=3, plain=True), 9.0)

    assert (whole.total, whole.note, whole.at) == (1, None, 9.0)
    assert partial.note == f"3 runs were not read yet; search again. {PLAIN}"
    assert partial.unindexed == 3
