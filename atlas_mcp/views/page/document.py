"""The document of a run's page, made from the run's records and nothing else.

Pure. Each part has a module of its own; this one puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.judgement import judged_groups
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.registry import WORKFLOWS, workflow_of
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import one_line, printable
from atlas_mcp.views.page.actions import page_actions, page_commands, suggestion_for
from atlas_mcp.views.page.bounded import Bound, bound_of, printable_value
from atlas_mcp.views.page.changes import last_changes
from atlas_mcp.views.page.decisions import page_decisions
from atlas_mcp.views.page.endings import status_text, stop_text, without_answer
from atlas_mcp.views.page.evidence import (
    candidate_texts,
    page_agreement,
    page_candidates,
    page_matrix,
    page_remarks,
)
from atlas_mcp.views.page.money import page_money
from atlas_mcp.views.page.questions import page_questions
from atlas_mcp.views.page.shapes import (
    PageAnswer,
    PageDocument,
    PageLimits,
    PagePicture,
    PageProblem,
    PageWorkflow,
)
from atlas_mcp.views.page.timeline import page_timeline
from atlas_mcp.views.page.troubles import page_troubles
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

TITLE_CHARS = 120
"""Characters of a page's title."""


def page_document(  # long: one line per field
    records: Sequence[Record], snapshot: RunSnapshot, *, since: int = 0, here: bool = True
) -> PageDocument:
    """Return the document of a run's page.

    Args:
        records: The run's records, from the first.
        snapshot: The run. Records that it does not know yet are left for the next document.
        since: The version of the document that its reader has: candidates, remarks and pictures
            that have not changed since are left out. 0 for none.
        here: Whether it is in the journal, so that something can be done about it.
    """
    state = snapshot.state
    records = list(takewhile(lambda record: record.seq <= state.seq, records))
    view, finished, groups = view_of(snapshot, page=None), state.finished, judged_groups(state)
    bound = bound_of(snapshot.run_id, candidate_texts(state), here=here)
    matrix = page_matrix(state, groups)
    changed = last_changes(records)
    return PageDocument(
        run_id=snapshot.run_id,
        version=records[-1].seq if records else state.seq,
        at=snapshot.now,
        title=one_line(state.problem.text, TITLE_CHARS) or snapshot.run_id,
        live=snapshot.live,
        driven=snapshot.driven,
        status=view.status,
        stop_reason=view.stop_reason,
        status_text=status_text(view.status, view.stop_reason, waiting=snapshot.waiting),
        stop_text=stop_text(
            view.status, view.stop_reason, workflow=state.spec.workflow, budget=state.budget
        ),
        without_answer=_without_answer(snapshot, view),
        partial=since > 0,
        waiting=snapshot.waiting,
        problem=_problem(state, with_pictures=since == 0),
        workflow=_workflow(state),
        limits=_limits(state),
        answer=_answer(view.answer, bound),
        confidence=view.confidence,
        explanation=bound.optional(finished.explanation) if finished else None,
        dissent=bound.optional(view.agreement.dissent),
        error=bound.optional(finished.error) if finished else None,
        warnings=[bound.shown(one) for one in view.agreement.warnings],
        next=view.next,
        commands=page_commands(snapshot) if here else [],
        agreement=page_agreement(state, groups, matrix),
        matrix=matrix,
        candidates=page_candidates(snapshot, groups, changed, bound, since=since),
        remarks=page_remarks(state, changed, bound, since=since),
        decisions=page_decisions(records, state, bound),
        timeline=page_timeline(records, snapshot),
        troubles=page_troubles(records, snapshot, bound),
        money=page_money(snapshot),
        usage=view.usage,
        elapsed_s=view.elapsed_s,
        questions=page_questions(snapshot, bound),
        actions=page_actions(snapshot) if here else [],
        suggestion=suggestion_for(snapshot) if here else None,
    )


def _without_answer(snapshot: RunSnapshot, view: RunView) -> str | None:
    if view.answer is not None:
        return None
    state = snapshot.state
    return without_answer(
        view.status,
        view.stop_reason,
        workflow=state.spec.workflow,
        waiting=snapshot.waiting,
        found=len(state.candidates),
        at_work=len(state.solvers_in_flight),
    )


def _problem(state: RunState, *, with_pictures: bool) -> PageProblem:
    problem = state.problem
    pictures = problem.images if with_pictures else ()
    schema = problem.answer_schema
    return PageProblem(
        text=Bound(len(problem.text), "").shown(problem.text),
        images=[
            PagePicture(
                media_type=one.media_type,
                data=one.data,
                url=printable(one.url) if one.url else None,
            )
            for one in pictures
        ],
        answer_schema=None if schema is None else printable_value(schema),
    )


def _workflow(state: RunState) -> PageWorkflow:
    name = state.spec.workflow
    unknown = workflow_of(state.spec).why_unknown
    entry = WORKFLOWS.get(name.partition(":")[0])
    summary = unknown or (entry.summary if entry else "")
    return PageWorkflow(name=one_line(name), summary=one_line(summary))


def _limits(state: RunState) -> PageLimits:
    budget = state.budget
    return PageLimits(
        max_explores=budget.max_explores,
        max_cost_usd=budget.max_cost_usd,
        time_limit_s=budget.time_limit_s,
        explore_effort=state.spec.explore_effort,
        max_parallel=budget.max_parallel,
    )


def _answer(answer: object, bound: Bound) -> PageAnswer | None:
    if answer is None:
        return None
    return PageAnswer(value=bound.value(answer), text=bound.answer(answer))
