"""The course of a run in lines, for a terminal: who decided what and why, and what went wrong.

Made from the document of the run's page, so that both tell the same.
"""

from __future__ import annotations

from atlas_mcp.atlas.wording import cost_text, seconds_text
from atlas_mcp.texts import one_line
from atlas_mcp.views.page.course_shapes import PageDecision, PageTrouble
from atlas_mcp.views.page.shapes import PageDocument

REASON_CHARS = 300
"""Characters of a reason in a line."""


def course_lines(document: PageDocument) -> list[str]:
    """Return what was decided in a run and what went wrong, in the order of time."""
    began = document.timeline.start
    found = [(one.ended_at, _decision(one, document.explanation)) for one in document.decisions]
    found += [(one.at, _trouble(one)) for one in document.troubles]
    found.sort(key=lambda one: one[0])
    return [f"{seconds_text(at - began)}: {text}" for at, text in found]


def money_lines(document: PageDocument) -> list[str]:
    """Return what each model cost; none where one model did everything."""
    rows = document.money.by_model
    if len(rows) < 2:
        return []
    return [f"{row.model} as {row.role}: {cost_text(row.cost_usd)}" for row in rows]


def _decision(decision: PageDecision, explanation: str | None) -> str:
    if explanation and decision.reason == explanation:
        return decision.sentence
    reply = ""
    if decision.kind == "sent_back" and decision.words:
        reply = f"; it had said: {one_line(decision.words, REASON_CHARS)}"
    return f"{decision.sentence}: {one_line(decision.reason, REASON_CHARS)}{reply}"


def _trouble(trouble: PageTrouble) -> str:
    return f"{trouble.sentence}: {one_line(trouble.cause, REASON_CHARS)}"
