"""The questions on a run's page."""

from __future__ import annotations

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.facts import failure_text
from atlas_mcp.views.page.bounded import Bound
from atlas_mcp.views.page.evidence_shapes import PageQuestion
from atlas_mcp.views.questions import QuestionView, question_views


def page_questions(run: RunSnapshot, bound: Bound) -> list[PageQuestion]:
    """Return the questions about a run, in the order of their numbers.

    One that no process is left to ask counts as failed: it says how it is asked again.
    """
    return [
        PageQuestion(
            number=one.number,
            at=one.at,
            question=bound.shown(one.question),
            state="failed" if one.state == "interrupted" else one.state,
            answer=bound.optional(one.answer),
            cites=one.cites,
            needs_new_evidence=bound.optional(one.needs_new_evidence),
            cost_usd=one.cost_usd,
            note=one.note,
            error=bound.optional(_error(run, one)),
        )
        for one in question_views(run)
    ]


def _error(run: RunSnapshot, question: QuestionView) -> str | None:
    """Return why a question was not answered, worded as failures are everywhere on the page."""
    outcome = run.state.questions[question.number].outcome
    return failure_text(outcome) if isinstance(outcome, SolverFailure) else question.error
