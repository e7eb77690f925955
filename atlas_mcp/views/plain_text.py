"""Parts of a run as plain text, for people at a terminal and in files.

A text of several lines is indented, so that none of its lines passes for a line of ours.
"""

from __future__ import annotations

import re

from atlas_mcp.atlas.wording import cost_text, seconds_text
from atlas_mcp.texts import answer_text, printable
from atlas_mcp.views.facts import agreement_in, calls_text, confidence_text, explore_name
from atlas_mcp.views.run_view import CandidateView, QuestionView, RemarkView, RunView

_NEW_LINE = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""The ends of a line, for any program that reads lines."""


def state_line(view: RunView) -> str:
    """Return a run in a line: its status, agreement, money, calls, time and id."""
    parts = (
        f"{view.status}, {view.stop_reason or 'not stopped'}",
        agreement_in(view),
        cost_text(view.cost_usd),
        calls_text(view.usage),
        seconds_text(view.elapsed_s),
        f"run {view.run_id}",
    )
    return " · ".join(filter(None, parts))


def indented(text: str) -> str:
    """Return text whose second and later lines stand to the right of our labels."""
    first, *others = printable(text).split("\n")
    return "\n".join((first, *(f"      {line}" for line in others)))


def candidate_lines(candidate: CandidateView) -> str:
    """Return a candidate in lines of which only the first begins at the margin."""
    head = explore_name(
        candidate.explore_id, candidate.solver, strategy=candidate.strategy, role=candidate.role
    )
    if candidate.status == "failed":
        return "\n   ".join(_NEW_LINE.split(f"{head}: failed, {candidate.error}"))
    text = f"{head}: {answer_text(candidate.answer)}{confidence_text(candidate.confidence)}"
    body = "\n".join((text, candidate.approach or "", candidate.reasoning or ""))
    return "\n   ".join(_NEW_LINE.split(body))


def remark_lines(remark: RemarkView) -> str:
    """Return a remark in lines of which only the first begins at the margin."""
    head = explore_name(remark.explore_id, remark.solver, strategy="", role=remark.role)
    about = ", ".join(f"#{number}" for number in remark.about)
    return "\n   ".join(
        (f"{head}{f' on {about}' if about else ''}:", *_NEW_LINE.split(remark.text))
    )


def question_lines(question: QuestionView) -> str:
    """Return a question and its answer in lines of which only the first begins at the margin."""
    said = question.answer or f"{question.state}, {question.error or 'no answer yet'}"
    parts = [f"question {question.number}: {question.question}", said]
    if question.needs_new_evidence is not None:
        parts.append(f"needs: {question.needs_new_evidence}")
    return "\n   ".join(line for part in parts for line in _NEW_LINE.split(part))
