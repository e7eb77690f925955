"""One line on where a run stands, for progress notifications and plain terminals."""

from __future__ import annotations

from atlas_mcp.atlas.agreement import group_answers
from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.state import ExploreState, RunState
from atlas_mcp.runs.live import LiveRun


def status_line(live: LiveRun, *, now: float) -> str:
    """Return what a person who waits wants to know: who works, how long, tokens, money."""
    state = live.state
    if live.waiting is not None:
        return f"{live.waiting} · {money_text(state)}"
    parts = [live.notice.text] if live.notice else []
    parts += [_doing(live, now) if state.finished is None else f"{state.finished.status}"]
    candidates = len(state.votes)
    failed = len(state.done) - candidates
    counts = f"{candidates} candidates"
    if failed:
        counts += f", {failed} failed"
    agreement = agreement_text(state)
    parts += [f"{counts}{f' ({agreement})' if agreement else ''}", money_text(state)]
    return " · ".join(parts)


def explore_text(state: RunState, explore: ExploreState) -> str:
    """Return an explore's number, model and strategy."""
    action = explore.planned.explore
    title = state.spec.solver(action.solver).spec.title
    # A file of the model hub is told by its last part: the whole is longer than a line.
    model = title.rpartition("/")[2] if title.startswith("local/") else title.partition("/")[2]
    return f"#{explore.id} {model} {action.strategy}"


def agreement_text(state: RunState) -> str:
    """Return how many of the candidates agree; empty before there are two."""
    votes = state.votes
    if len(votes) < 2:
        return ""
    groups = group_answers(votes)
    return f"{len(groups[0].votes)} of {len(votes)} agree"


def money_text(state: RunState) -> str:
    """Return what was spent against the cap."""
    cost, cap = state.cost_usd, state.budget.max_cost_usd
    spent = "cost unknown" if cost is None else f"${cost:.4f}"
    return spent if cap is None else f"{spent} of ${cap:.2f}"


def outcome_text(explore: ExploreState) -> str:
    """Return what came of an explore, short."""
    outcome = explore.outcome
    if isinstance(outcome, Candidate):
        return f"{outcome.answer!s} ({outcome.confidence:.0%})"
    if outcome is not None:
        return f"failed: {outcome.message}"
    return explore.skipped or ""


def _doing(live: LiveRun, now: float) -> str:
    state = live.state
    busy: list[str] = []
    for explore in state.solvers_in_flight:
        seconds = max(0.0, now - (explore.started_at or now))
        tokens = live.tokens.get(f"solver-{explore.id}", 0)
        busy.append(f"{explore_text(state, explore)} {seconds:.0f} s {tokens:,} tokens")
    if state.turn_in_flight:
        turn = state.turns[-1]
        seconds = max(0.0, now - turn.started_at)
        busy.append(f"orchestrator turn {turn.asked.turn} {seconds:.0f} s")
    if state.stop_cause is not None:
        return f"stopping: {', '.join(busy)}" if busy else "stopping"
    return ", ".join(busy) or "getting ready"
