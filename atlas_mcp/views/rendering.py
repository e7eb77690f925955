"""The step from a run as it is to the `RunView` that a caller sees. Decides nothing.

Every field of the view is filled in; results of tools leave some of them out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.explore import Candidate, Remark, SolverFailure
from atlas_mcp.atlas.judgement import confirming, judged_groups
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import text_of
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import answer_start, quoted, without_logins
from atlas_mcp.views.broken import with_break
from atlas_mcp.views.lengths import is_long
from atlas_mcp.views.next_steps import DEFAULT_POLL, Poll, next_step
from atlas_mcp.views.page_links import BY_COMMAND, PageLink
from atlas_mcp.views.questions import asking_text, question_views
from atlas_mcp.views.run_view import (
    Agreement,
    AnswerGroup,
    CandidateView,
    CostSplit,
    RemarkView,
    RunView,
    usage_view,
)
from atlas_mcp.views.warnings import run_warnings

MOST_COMPARED = 8
"""Answers that are compared for the first time while an event loop waits. A run that was read back
from its records has compared none, and a hostile answer takes some milliseconds."""


def takes_long(state: RunState) -> bool:
    """Return whether a view of a run takes longer to make than an event loop can wait."""
    asked = state.asked
    uncompared = sum(vote.candidate.key_under(asked) is None for vote in state.votes)
    return uncompared > MOST_COMPARED or is_long(_texts(state))


def view_of(
    run: RunSnapshot, poll: Poll = DEFAULT_POLL, page: PageLink | None = BY_COMMAND
) -> RunView:
    """Return the view of a run as it is at one moment.

    Args:
        run: The run.
        poll: How its caller is to wait for it while it goes on.
        page: The way to its page; `None` for a run that has none here.
    """
    state, finished = run.state, run.state.finished
    until = state.at
    if finished is not None:
        until = state.finished_at or run.now
    elif run.status == "running":
        until = run.now
    view = RunView(
        run_id=run.run_id,
        status=run.status,
        stop_reason=finished.stop_reason if finished else None,
        answer=finished.answer if finished else None,
        explanation=without_logins(finished.explanation or finished.error or "") or None
        if finished
        else None,
        confidence=finished.confidence if finished else None,
        agreement=view_agreement(state, driven=run.driven),
        candidates=[
            view_candidate(state, explore)
            for explore in state.done
            if not isinstance(explore.outcome, Remark)
        ],
        remarks=[
            view_remark(state, explore, explore.outcome)
            for explore in state.done
            if isinstance(explore.outcome, Remark)
        ],
        usage=usage_view(state.usage),
        cost_usd=state.cost_usd,
        cost_split=CostSplit(
            orchestrator=state.orchestrator_charge.shown_cost,
            solvers=state.solver_charge.shown_cost,
        ),
        elapsed_s=round(max(0.0, until - state.opened_at - state.idle_s), 3),
        questions=question_views(run),
        page=None if page is None else page.of(run.run_id),
        next=asking_text(run)
        or next_step(run.run_id, state, run.status, poll, waiting=run.waiting),
    )
    return view if run.broken is None else with_break(view, run, run.broken)


def view_agreement(state: RunState, *, driven: bool) -> Agreement:
    """Return how far the independent candidates of a run agree, with the warnings of the run."""
    groups = judged_groups(state)
    finished = state.finished
    confirmed = confirming(state)
    return Agreement(
        groups=[
            AnswerGroup(
                answer=group.answer,
                explore_ids=list(group.explore_ids),
                solvers=_distinct([vote.solver for vote in group.votes]),
                approaches=_distinct([vote.candidate.approach for vote in group.votes]),
                by=group.by,
                agreeing_by_rule=group.by_rule if group.by == "judgement" else None,
                chosen=not confirmed.isdisjoint(group.explore_ids),
            )
            for group in groups
        ],
        dissent=(finished.dissent if finished else None) or _minority(state, groups),
        warnings=run_warnings(state, groups, driven=driven),
    )


def view_candidate(state: RunState, explore: ExploreState) -> CandidateView:
    """Return the view of an explore that has an outcome."""
    action, outcome = explore.planned.explore, explore.outcome
    spec = state.spec.solver(action.solver).spec
    ok = outcome if isinstance(outcome, Candidate) else None
    failed = outcome if isinstance(outcome, SolverFailure) else None
    return CandidateView(
        explore_id=explore.id,
        solver=action.solver,
        model=spec.title,
        effort=action.effort or spec.effort,
        strategy=action.strategy,
        role=action.role,
        instruction=action.instruction,
        status="ok" if ok else "failed",
        answer=ok.answer if ok else None,
        approach=ok.approach if ok else None,
        reasoning=ok.reasoning if ok else None,
        confidence=ok.confidence if ok else None,
        error=without_logins(f"{failed.kind}: {failed.text}") if failed else None,
        usage=usage_view(explore.charge.usage),
        cost_usd=explore.charge.shown_cost,
        elapsed_s=_elapsed(explore),
    )


def view_remark(state: RunState, explore: ExploreState, remark: Remark) -> RemarkView:
    """Return the view of an explore whose reply attempts no answer."""
    action = explore.planned.explore
    spec = state.spec.solver(action.solver).spec
    return RemarkView(
        explore_id=explore.id,
        solver=action.solver,
        model=spec.title,
        effort=action.effort or spec.effort,
        role=action.role,
        about=list(action.shows),
        text=remark.text,
        usage=usage_view(explore.charge.usage),
        cost_usd=explore.charge.shown_cost,
        elapsed_s=_elapsed(explore),
    )


def _elapsed(explore: ExploreState) -> float:
    return round(max(0.0, (explore.finished_at or 0.0) - (explore.started_at or 0.0)), 3)


def _minority(state: RunState, groups: Sequence[Group]) -> str | None:
    """Return the other answers of the candidates; all answers where none was chosen.

    Args:
        state: The run.
        groups: Its candidates, grouped by answer.
    """
    if state.finished is None or state.finished.answer is None:
        return None if len(groups) < 2 else f"The candidates differ: {_listed(groups)}"
    others = [group for group in groups if confirming(state).isdisjoint(group.explore_ids)]
    return f"Other candidates answer: {_listed(others)}" if others else None


def _texts(state: RunState) -> Iterator[object]:
    """Yield the texts in a run that models wrote, and answers that may be other values."""
    finished = state.finished
    if finished is not None:
        yield finished.answer
        yield from (finished.explanation or "", finished.dissent or "", finished.error or "")
    for explore in state.done:
        outcome = explore.outcome
        if isinstance(outcome, Candidate):
            yield from (outcome.reasoning, outcome.approach)
            yield outcome.answer
        elif isinstance(outcome, Remark):
            yield outcome.text


def _listed(groups: Iterable[Group]) -> str:
    """Return answers in a line, each with the explores that gave it."""
    return "; ".join(
        f"{quoted(text_of(answer_start(group.answer, 80), 80))} "
        f"(explore {', '.join(map(str, group.explore_ids))})"
        for group in groups
    )


def _distinct(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))
