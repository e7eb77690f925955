"""Questions about a run, as views and as text. Pure.

A question is the caller's text and its answer a model's: both stand behind labels, cut where they
are too long for their reader.
"""

from __future__ import annotations

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_events import QuestionAnswered
from atlas_mcp.atlas.question_facts import Question
from atlas_mcp.atlas.resuming import carries_on
from atlas_mcp.atlas.wording import cost_text
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import clipped, labelled, one_line, quoted, without_logins
from atlas_mcp.views.facts import explores_text
from atlas_mcp.views.run_view import Agreement, QuestionState, QuestionView, RunView

ANSWER_CHARS = 12_000
"""Characters of an answer in a text: more than any that is brief, as it is asked to be."""

QUESTION_CHARS = 200
"""Characters of a question in a line."""

SHORTENED = "The record was too long to be read at once; its longest texts were shown in part."
"""The note on an answer from shortened evidence."""

GONE = "the process that was to ask it is gone; ask the same question again"
"""The error of a question that is open by the records, while no process is left to ask it."""


def question_views(run: RunSnapshot) -> list[QuestionView]:
    """Return the questions about a run, in the order of their numbers."""
    return [_view(run, run.state.questions[number]) for number in sorted(run.state.questions)]


def asking_text(run: RunSnapshot) -> str | None:
    """Return the next step while a question is being answered; `None` while none is."""
    if not run.asking:
        return None
    return (
        "A question about this run is being answered: call ask_run with the same question again "
        "for the answer; it is not paid for twice."
    )


def answer_view(run: RunSnapshot, view: RunView, number: int) -> RunView:
    """Return the view of a run that shows one question about it, without the evidence.

    Args:
        run: The run.
        view: Its whole view.
        number: The question.
    """
    question = next(one for one in view.questions if one.number == number)
    return view.model_copy(
        update={
            **dict.fromkeys(("answer", "explanation", "confidence")),
            "candidates": [],
            "remarks": [],
            "agreement": Agreement(),
            "questions": [question],
            "next": _next(run, question),
        }
    )


def answer_text(view: RunView) -> str:
    """Return the text of a result that shows one question: see `answer_view`."""
    (question,) = view.questions
    lines = [_said(question)]
    if question.cites:
        lines.append(f"It rests on {explores_text(question.cites)}.")
    if question.needs_new_evidence:
        lines.append(labelled("New evidence needed", _cut(question.needs_new_evidence)))
    if question.note:
        lines.append(f"Note: {question.note}")
    spent = cost_text(question.cost_usd)
    lines.append(f"Cost: {spent} for the question, {cost_text(view.cost_usd)} for the run so far.")
    if view.next:
        lines.append(f"Next: {view.next}")
    lines.append(f"Run: {view.run_id} ({view.status}; all evidence: atlas://runs/{view.run_id})")
    if view.page:
        lines.append(f"Page for the user: {view.page}")
    return "\n".join(lines)


def question_line(question: QuestionView) -> str:
    """Return a question and the beginning of its answer in a line, for the result of a run."""
    said = quoted(question.answer, 2 * QUESTION_CHARS) if question.answer else question.state
    return f"Question {question.number}: {quoted(question.question, QUESTION_CHARS)} {said}"


def _view(run: RunSnapshot, question: Question) -> QuestionView:
    outcome, state = question.outcome, _state(run, question)
    answered = outcome if isinstance(outcome, QuestionAnswered) else None
    error = GONE if state == "interrupted" else None
    if isinstance(outcome, SolverFailure):
        error = without_logins(f"{outcome.kind}: {outcome.text}")
    asked = question.asked
    return QuestionView(
        number=question.number,
        at=question.posed_at,
        question=question.posed.question,
        model=question.posed.model.title,
        state=state,
        answer=answered.answer if answered else None,
        cites=list(answered.cites) if answered else [],
        needs_new_evidence=answered.needs_new_evidence if answered else None,
        note=SHORTENED if answered and asked is not None and asked.shortened else None,
        error=error,
        cost_usd=question.charge.shown_cost,
    )


def _state(run: RunSnapshot, question: Question) -> QuestionState:
    if question.outcome is not None:
        return "answered" if isinstance(question.outcome, QuestionAnswered) else "failed"
    return "asked" if run.driven and question.is_open else "interrupted"


def _next(run: RunSnapshot, question: QuestionView) -> str | None:
    """Return the next step of the caller of a question."""
    call = f"with run_id={run.run_id!r}"
    if question.state == "asked":
        return asking_text(run)
    if question.state != "answered":
        return f"Call ask_run {call} and the same question to ask it again."
    if question.needs_new_evidence is None or not carries_on(run.state):
        return None
    workflow = workflow_of(run.state.spec)
    if workflow.orchestrated:
        return f"Call resume_run {call} and an `instruction` that says what to find or check."
    if workflow.gathers:
        return f"Call explore {call} and an `instruction` that says what to find or check."
    return None


def _said(question: QuestionView) -> str:
    if question.answer is not None:
        return labelled("Answer", _cut(question.answer))
    asked = quoted(question.question, QUESTION_CHARS)
    if question.state == "asked":
        return f"Still being answered: {asked}"
    return f"Not answered: {asked} ({one_line(question.error or question.state)})"


def _cut(text: str) -> str:
    return clipped(text, ANSWER_CHARS)
