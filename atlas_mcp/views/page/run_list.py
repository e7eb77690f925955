"""The document of a list of runs, from what a search has found."""

from __future__ import annotations

from atlas_mcp.atlas.outcomes import status_of
from atlas_mcp.atlas.summary import TITLE_CHARS
from atlas_mcp.journal.search import Found, FoundRun, FoundRuns
from atlas_mcp.texts import clipped, counted, one_line, printable
from atlas_mcp.views.page.endings import state_text
from atlas_mcp.views.page.lists import RunLine, RunsDocument, SnippetPart

ANSWER_CHARS = 200
"""Characters of an answer in a list."""

PLAIN = "There is no index of words here, so every run was looked through."
"""Said where a search had no index."""


def runs_document(found: FoundRuns, now: float) -> RunsDocument:
    """Return the document of the runs that a search has found.

    Args:
        found: The runs.
        now: Unix seconds.
    """
    return RunsDocument(
        at=now,
        query=one_line(found.text),
        limit=found.limit,
        offset=found.offset,
        total=found.total,
        unindexed=found.unread,
        note=" ".join(_notes(found)) or None,
        runs=[run_line(one) for one in found.runs],
    )


def run_line(found: FoundRun) -> RunLine:
    """Return one run of a list."""
    run, outline = found.run, found.outline
    status = status_of(run.status, driven=run.driven)
    line = RunLine(
        run_id=run.run_id,
        title=_title(run.title),
        status=status,
        state=state_text(status, outline.stop_reason if outline else None),
        workflow=one_line(run.workflow),
        started_at=run.opened_at,
        indexed=outline is not None,
        found_in=found.found.place if found.found else None,
        snippet=_snippet(found.found) if found.found else [],
    )
    if outline is None:
        return line
    return line.model_copy(
        update={
            "stop_reason": outline.stop_reason,
            "ended_at": outline.ended_at,
            "cost_usd": outline.cost_usd,
            "models": [one_line(model) for model in outline.models],
            "explores": outline.explores,
            "answer_text": None
            if outline.answer is None
            else clipped(printable(outline.answer), ANSWER_CHARS),
            "confidence": outline.confidence,
        }
    )


def _title(title: str) -> str:
    """Return a title; one as long as a summary keeps is most likely cut, and says so."""
    return f"{one_line(title)}…" if len(title) >= TITLE_CHARS else one_line(title)


def _snippet(found: Found) -> list[SnippetPart]:
    parts = [
        SnippetPart(text=printable(text), hit=number % 2 == 1)
        for number, text in enumerate(found.pieces)
    ]
    return [part for part in parts if part.text]


def _notes(found: FoundRuns) -> list[str]:
    notes: list[str] = []
    if found.unread and found.text.strip():
        runs = counted(found.unread, "run")
        notes.append(f"{runs} {'was' if found.unread == 1 else 'were'} not read yet; search again.")
    if found.plain:
        notes.append(PLAIN)
    return notes
