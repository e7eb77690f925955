"""From what a run amounts to, to the `RunView` a caller sees. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from atlas_mcp.atlas.agreement import Group, group_answers, key_of, warnings_of
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.explore import Candidate, SolverFailure
from atlas_mcp.atlas.failures import failure_warnings
from atlas_mcp.atlas.outcomes import NOBODY_DRIVES, Status
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState, failed_explores
from atlas_mcp.atlas.storable import text_of
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import answer_start, one_line, quoted, without_logins
from atlas_mcp.views.broken import with_break
from atlas_mcp.views.run_view import (
    Agreement,
    AnswerGroup,
    CandidateView,
    CostSplit,
    RunView,
    UsageView,
)

QUICK_CHARS = 20_000
"""Characters of the answers and texts of a run that is shown on an event loop: a view of them takes
some milliseconds, and so does counting them."""


POLL_SECONDS = 40
"""How long a caller of whom nothing is known is told to wait for a run that goes on."""


def takes_long(state: RunState) -> bool:
    """Return whether a view of a run takes longer to make than an event loop can wait."""
    left = QUICK_CHARS
    for text in _texts(state):
        left -= len(text if isinstance(text, str) else answer_start(text, left))
        if left < 0:
            return True
    return False


def view_of(run: RunSnapshot) -> RunView:
    """Return the view of a run as it is at one moment."""
    view = view_run(run.run_id, run.state, now=run.now, driven=run.driven)
    if run.broken is not None:
        return with_break(view, run, run.broken)
    if run.waiting is not None and view.next is not None:
        return view.model_copy(update={"next": f"It is {run.waiting}. {view.next}"})
    return view


def view_run(run_id: str, state: RunState, *, now: float, driven: bool) -> RunView:
    """Return the view of a run.

    Args:
        run_id: Its id.
        state: What is known of it.
        now: Unix seconds, for a run that is still going.
        driven: Whether some process carries its commands out. A run that is neither finished nor
            driven was interrupted.
    """
    finished = state.finished
    status: Status = "running" if driven else "interrupted"
    if finished is not None:
        status = finished.status
    ended_at = state.finished_at if finished is not None else (now if driven else state.at)
    return RunView(
        run_id=run_id,
        status=status,
        stop_reason=finished.stop_reason if finished else None,
        answer=finished.answer if finished else None,
        explanation=without_logins(finished.explanation or finished.error or "") or None
        if finished
        else None,
        confidence=finished.confidence if finished else None,
        agreement=view_agreement(state, driven=driven),
        candidates=[view_candidate(state, explore) for explore in state.done],
        usage=_usage(state.usage),
        cost_usd=state.cost_usd,
        cost_split=CostSplit(
            orchestrator=state.orchestrator_charge.shown_cost,
            solvers=state.solver_charge.shown_cost,
        ),
        elapsed_s=round(max(0.0, (ended_at or now) - state.opened_at - state.idle_s), 3),
        next=next_step(run_id, state, status),
    )


def view_agreement(state: RunState, *, driven: bool) -> Agreement:
    """Return how far the candidates of a run agree, and what its reader must know."""
    votes = state.votes
    groups = group_answers(votes)
    warnings = list(warnings_of(votes, groups))
    finished = state.finished
    if finished is not None and finished.warning:
        warnings.insert(0, finished.warning)
    told = "" if finished is None else finished.explanation or finished.error or ""
    warnings += failure_warnings(failed_explores(state), told=told)
    warnings += [
        f"Solver {left_out.name!r} was left out: {one_line(left_out.reason)}."
        for left_out in state.spec.left_out
    ]
    small = {entry.name for entry in state.spec.solvers if entry.spec.is_small}
    if any(vote.solver in small for vote in votes):
        warnings.append(
            "A small embedded model took part: it shows that the machinery works, and its answers "
            "are not to be trusted."
        )
    if state.opening_lost:
        title = state.problem.text
        began = f"; it began {quoted(title)}" if title else ""
        warnings.append(f"The problem of this run is lost, and its settings with it{began}.")
    if state.lost:
        records = "1 record" if state.lost == 1 else f"{state.lost} records"
        warnings.append(
            f"This run is incomplete: {records} cannot be read any more. What is left is shown; "
            "candidates, costs and the end may be missing."
        )
    uncertain = state.ledger.uncertain
    if not driven:
        # What an interrupted run had in flight; a finished one holds nothing.
        uncertain += sum(state.ledger.held.values())
    if uncertain > 0:
        warnings.append(
            f"Calls that broke off may have been billed up to ${uncertain:.2f} beyond cost_usd."
        )
    return Agreement(
        groups=[
            AnswerGroup(
                answer=group.answer,
                explore_ids=[vote.explore_id for vote in group.votes],
                solvers=_distinct([vote.solver for vote in group.votes]),
                approaches=_distinct([vote.candidate.approach for vote in group.votes]),
            )
            for group in groups
        ],
        dissent=(finished.dissent if finished else None) or _minority(finished, groups),
        warnings=[without_logins(one) for one in warnings],
    )


def view_candidate(state: RunState, explore: ExploreState) -> CandidateView:
    """Return the view of an explore that has an outcome."""
    action, outcome = explore.planned.explore, explore.outcome
    spec = state.spec.solver(action.solver).spec
    ok = outcome if isinstance(outcome, Candidate) else None
    failed = outcome if isinstance(outcome, SolverFailure) else None
    elapsed = (explore.finished_at or 0.0) - (explore.started_at or 0.0)
    return CandidateView(
        explore_id=explore.id,
        solver=action.solver,
        model=spec.title,
        effort=action.effort or spec.effort,
        strategy=action.strategy,
        instruction=action.instruction,
        status="ok" if ok else "failed",
        answer=ok.answer if ok else None,
        approach=ok.approach if ok else None,
        reasoning=ok.reasoning if ok else None,
        confidence=ok.confidence if ok else None,
        error=without_logins(f"{failed.kind}: {failed.message}") if failed else None,
        usage=_usage(explore.charge.usage),
        cost_usd=explore.charge.shown_cost,
        elapsed_s=round(max(0.0, elapsed), 3),
    )


def poll_call(run_id: str, *, since: int | None = None, wait_s: int = POLL_SECONDS) -> str:
    """Return the call that waits for a run which goes on.

    Args:
        run_id: The run.
        since: The last record that its caller knows of.
        wait_s: How long the caller can wait, seconds.
    """
    known = "" if since is None else f"since={since}, "
    return f"get_run with run_id={run_id!r}, {known}wait_s={wait_s}"


def next_step(run_id: str, state: RunState, status: Status) -> str | None:
    """Return what the caller can do now, `None` where nothing is left to do."""
    if status == "running":
        return _meanwhile(run_id, state)
    if state.opening_lost:
        answered = state.finished is not None and state.finished.answer is not None
        return None if answered else "Answer from the candidates here, or ask the question again."
    if status == "interrupted":
        return (
            f"{NOBODY_DRIVES}. Nothing is spent meanwhile, and what was found is kept: call "
            f"resume_run with run_id={run_id!r} to go on."
        )
    if state.spec.workflow == "explore" and state.votes:
        return (
            "You are the orchestrator: compare the candidates' justifications. For more evidence "
            f"call explore again with run_id={run_id!r} and another strategy; else answer."
        )
    finished = state.finished
    if finished is None or finished.answer is not None:
        return None
    resume = f"resume_run with run_id={run_id!r}"
    if status == "cancelled":
        return f"Nothing is lost: call {resume} to go on, or answer from the candidates here."
    if state.day_cap_usd is not None:
        instead = ", or answer from the candidates here" if state.votes else ""
        return (
            "Raise max_cost_usd_per_day in atlas.toml, or wait for tomorrow (UTC); then call "
            f"{resume}{instead}."
        )
    if finished.stop_reason == "max_cost":
        return f"Call {resume} and a larger max_cost_usd, or answer from the candidates here."
    if finished.stop_reason == "deadline":
        return f"Call {resume} for as much time again, or answer from the candidates here."
    if finished.stop_reason == "no_supported_answer":
        return (
            f"The evidence supports no answer. Call {resume} and a larger max_explores for more of "
            "it, or sharpen the question."
        )
    if finished.stop_reason == "no_candidates":
        return f"Fix the errors reported by the candidates, then call {resume}."
    return f"Call {resume} to try again, or answer from the candidates here."


def _meanwhile(run_id: str, state: RunState) -> str:
    """Return what the caller of a run that is driven can do until it ends."""
    look = poll_call(run_id)
    if state.stop_cause is None:
        return f"Call {look}; the run goes on meanwhile."
    return (
        "It has been stopped and begins nothing more, and what is in flight may still end: call "
        f"{look} for what was found, then resume_run to go on."
    )


def _minority(finished: RunFinished | None, groups: Sequence[Group]) -> str | None:
    """Return what candidates say against the answer, or how they part where none was chosen."""
    if finished is None or finished.answer is None:
        return None if len(groups) < 2 else f"The candidates differ: {_said(groups)}"
    others = [group for group in groups if key_of(group.votes[0].candidate) != key_of(finished)]
    return f"Other candidates answer: {_said(others)}" if others else None


def _texts(state: RunState) -> Iterator[object]:
    """Yield what others wrote of a run: texts, and answers that may be other values."""
    finished = state.finished
    if finished is not None:
        yield finished.answer
        yield from (finished.explanation or "", finished.dissent or "", finished.error or "")
    for explore in state.done:
        outcome = explore.outcome
        if isinstance(outcome, Candidate):
            yield from (outcome.reasoning, outcome.approach)
            yield outcome.answer


def _said(groups: Iterable[Group]) -> str:
    return "; ".join(
        f"{quoted(text_of(answer_start(group.answer, 80), 80))} "
        f"(explore {', '.join(str(vote.explore_id) for vote in group.votes)})"
        for group in groups
    )


def _distinct(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _usage(usage: Usage) -> UsageView:
    return UsageView(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
