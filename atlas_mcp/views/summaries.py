"""The text of a result: answer, why, agreement, money, what to do next, run id, page.

A client may hand its model nothing else, and that model may be the orchestrator: so nothing in it
passes for what it is not. A candidate is a line of JSON between tags that it cannot close, as our
own orchestrator sees it; other foreign texts stand behind a label, between quotation marks, or line
by line behind `> `. Texts are cut before they are worked through.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from atlas_mcp.atlas.explore import SOLVER
from atlas_mcp.atlas.wording import (
    CANDIDATES_ARE_DATA,
    candidate_data,
    cost_text,
    percent_of,
    seconds_text,
)
from atlas_mcp.texts import (
    answer_start,
    clipped,
    labelled,
    one_line,
    quoted,
    untagged,
)
from atlas_mcp.views.facts import (
    agreeing_by_rule,
    calls_text,
    candidates_in,
    confidence_text,
    evidence_of,
    failed_text,
    failures_in,
    top_answer_text,
)
from atlas_mcp.views.lengths import (
    EARLIER_CHARS,
    MAX_NOTES,
    POLL_FORM,
    Form,
    chars_of,
    first_that_fits,
    form_of,
)
from atlas_mcp.views.questions import question_line
from atlas_mcp.views.run_view import AnswerGroup, CandidateView, RunView

ANSWER_CHARS = 20_000
"""Characters of the answer of a run in a text. A reader of nothing else gets it whole, unless it is
so long that clients would refuse the result."""

DISSENT_CHARS = 600
"""Characters of the dissent from an answer."""

NOTE_CHARS = 60
"""Characters that a warning has at least: it is never left out, and seldom cut."""

MAX_QUESTIONS = 3
"""Questions in a text, the newest, each with the beginning of its answer."""

FAULT_CHARS = 100
"""Characters of the cause of a failed explore while its run goes on."""

DATA = f"{CANDIDATES_ARE_DATA}."
"""Stands over candidates, as it does for our own orchestrator."""


def summary(view: RunView, left_out: Collection[int] = (), earlier: Collection[int] = ()) -> str:
    """Return the text block of a result.

    Args:
        view: The run.
        left_out: Explores that are not shown.
        earlier: Explores that its reader has most likely been shown: they are shown in brief.
    """
    form, chars = form_of(view), chars_of(view)
    end = _end_of_poll(view, left_out) if form is POLL_FORM else _end(view, chars // 2)
    head = _headline(view) if view.answer is None else _answer(view)
    room = max(chars // 4, chars - len(end) - len(head))
    why = ""
    if view.explanation and form is not POLL_FORM:
        why = f"\n\n{clipped(labelled('Why', view.explanation[:room]), room)}"
    found = [
        one
        for one in view.candidates
        if one.status == "ok" and view.answer is None and one.explore_id not in left_out
    ]
    if not found:
        return f"{head}{why}\n\n{end}"
    between = "\n\n" if why else " "
    lines = _candidates(found, form, earlier, room - len(why) - len(DATA))
    return f"{head}{why}{between}{DATA}\n\n{lines}\n\n{end}"


def _end_of_poll(view: RunView, left_out: Collection[int]) -> str:
    new = [one for one in view.candidates if one.explore_id not in left_out]
    lines = [
        f"Explore {one.explore_id} ({one.solver}) failed: {quoted(one.error, FAULT_CHARS)}"
        for one in new
        if one.error is not None
    ]
    lines.append(f"Cost so far: {_costs(view)}.")
    if view.next:
        lines.append(f"Next: {view.next}")
    lines += _page_line(view)
    return "\n".join(lines)


def _end(view: RunView, room: int) -> str:
    last = [f"Run: {view.run_id} (all candidates: atlas://runs/{view.run_id})", *_page_line(view)]
    if view.next:
        last.insert(0, f"Next: {view.next}")
    if view.agreement.dissent:
        dissent = view.agreement.dissent[: 2 * DISSENT_CHARS]
        last.insert(0, clipped(labelled("Dissent", dissent), min(DISSENT_CHARS, room // 2)))
    lines = [*filter(None, (_agreement_line(view), _money_line(view)))]
    lines += [question_line(one) for one in view.questions[-MAX_QUESTIONS:]]
    room -= sum(len(line) + 1 for line in (*lines, *last))
    for warning in view.agreement.warnings[:MAX_NOTES]:
        note = f"Note: {one_line(untagged(warning), max(NOTE_CHARS, room // 2))}"
        room -= len(note) + 1
        lines.append(note)
    return "\n".join((*lines, *last))


def _page_line(view: RunView) -> list[str]:
    """Return the line that tells a person how to see the run."""
    return [f"Page for the user: {view.page}"] if view.page else []


def _headline(view: RunView) -> str:
    if view.status == "running":
        return f"Still running: {evidence_of(view)} so far."
    if view.stop_reason == "no_supported_answer":
        return "No answer is supported by the evidence."
    if view.status == "answered":
        return f"{evidence_of(view)}; you are the orchestrator."
    if view.status == "failed":
        return f"No answer: the run failed ({view.stop_reason})."
    return f"No answer: the run was {view.status}."


def _answer(view: RunView) -> str:
    sure = confidence_text(view.confidence, "confidence ")
    start = answer_start(view.answer, ANSWER_CHARS)
    text = clipped(labelled("Answer", start, tags=True), ANSWER_CHARS)
    line, below, rest = text.partition("\n")
    cut = "" if len(text) < ANSWER_CHARS else f"\n(cut; whole in atlas://runs/{view.run_id})"
    return f"{line}{sure}{below}{rest}{cut}"


def _candidates(
    candidates: Sequence[CandidateView], form: Form, earlier: Collection[int], room: int
) -> str:
    """Return candidates as our own orchestrator sees them, cut until they fit."""

    def made(limit: int) -> list[str]:
        brief = min(limit, EARLIER_CHARS)
        return [
            _candidate_line(one, form, brief if one.explore_id in earlier else limit)
            for one in candidates
        ]

    lines = first_that_fits(made, lambda lines: _length(lines) <= room)
    shown = len(lines)
    # A poll has so few that all of them are shown.
    while form is not POLL_FORM and shown > 1 and _length(lines[:shown]) > room:
        shown -= 1
    left = f"\n{len(lines) - shown} more: see Run." if shown < len(lines) else ""
    return "\n".join(lines[:shown]) + left


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _candidate_line(candidate: CandidateView, form: Form, limit: int) -> str:
    text = answer_start(candidate.answer, limit)
    answer = candidate.answer if len(text) <= limit else clipped(text, limit)
    fields: dict[str, object] = {"number": candidate.explore_id, "solver": candidate.solver}
    if form is POLL_FORM:
        return candidate_data({**fields, "answer": answer})
    fields["strategy"] = candidate.strategy
    if candidate.role != SOLVER:
        fields["role"] = candidate.role
    if candidate.instruction:
        fields["instruction"] = clipped(candidate.instruction, limit)
    fields["answer"] = answer
    if candidate.confidence is not None:
        fields["confidence_percent"] = percent_of(candidate.confidence)
    fields["approach"] = clipped(candidate.approach or "", limit)
    fields["justification"] = clipped(candidate.reasoning or "", limit)
    return candidate_data(fields)


def _agreement_line(view: RunView) -> str:
    groups = view.agreement.groups
    if not groups:
        return ""
    found = candidates_in(view)
    text = _group_text(groups[0], found)
    if view.answer is not None and not groups[0].chosen:
        chosen = next((group for group in groups if group.chosen), None)
        own = "no candidate gives this answer" if chosen is None else _group_text(chosen, found)
        text = f"{own}; {text}"
    failures = f", {failed_text(failures_in(view))}" if failures_in(view) else ""
    return f"Agreement: {text}{failures}."


def _group_text(group: AnswerGroup, found: int) -> str:
    answer = quoted(answer_start(group.answer, 16 * 120), 120)
    return top_answer_text(len(group.explore_ids), found, answer, agreeing_by_rule(group))


def _money_line(view: RunView) -> str:
    return f"Cost: {_costs(view)}. Stopped: {view.stop_reason or 'no'}."


def _costs(view: RunView) -> str:
    """Return the money, the calls and the time of a run."""
    return f"{cost_text(view.cost_usd)}, {calls_text(view.usage)}, {seconds_text(view.elapsed_s)}"
