"""One line on where a run stands, for progress notifications and plain terminals."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.atlas.agreement import group_answers
from atlas_mcp.atlas.explore import Candidate, FailureKind
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.texts import LINE_CHARS, answer_start, counted, one_line

NOTICE_CHARS = 160
"""Characters of a notice, and of its cause, beside what else a line tells."""

ANSWER_CHARS = 300
"""Characters of an answer while others are still at work."""

FAILURES: Mapping[FailureKind, str] = {
    "timeout": "out of time",
    "unavailable": "no answer",
    "rejected": "the call was rejected",
    "refused": "the model refused",
    "truncated": "the reply was cut off",
    "malformed": "the reply has no usable candidate",
    "cancelled": "stopped",
}
"""What became of an explore that failed, in few words."""


def status_line(live: LiveRun, *, now: float) -> str:
    """Return what a person who waits wants to know: who works, how long, tokens, money."""
    state = live.state
    if live.waiting is not None:
        return f"{live.waiting} · {money_text(state)}"
    parts = [notice_text(live.notice)] if live.notice else []
    parts += [_doing(live, now) if state.finished is None else f"{state.finished.status}"]
    candidates = len(state.votes)
    failed = len(state.done) - candidates
    counts = counted(candidates, "candidate")
    if failed:
        counts += f", {failed} failed"
    agreement = agreement_text(state)
    parts += [f"{counts}{f' ({agreement})' if agreement else ''}", money_text(state)]
    return one_line(" · ".join(parts), at_most=LINE_CHARS)


def notice_text(notice: Notice, *, at_most: int = NOTICE_CHARS) -> str:
    """Return a notice in a line, with its cause behind it."""
    text = one_line(notice.text, at_most)
    return f"{text} ({one_line(notice.cause, at_most)})" if notice.cause else text


def explore_text(state: RunState, explore: ExploreState) -> str:
    """Return an explore's number, model and strategy."""
    action = explore.planned.explore
    title = state.spec.solver(action.solver).spec.title
    # A file of the model hub is told by its last part: the whole is longer than a line.
    model = title.rpartition("/")[2] if title.startswith("local/") else title.partition("/")[2]
    return one_line(f"#{explore.id} {model} {action.strategy}")


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


def outcome_text(explore: ExploreState, *, at_most: int = ANSWER_CHARS) -> str:
    """Return what came of an explore in a line; the cause of a failure is told with the run's end.

    Several explores fail of one cause as a rule, and it is told once.
    """
    outcome = explore.outcome
    if isinstance(outcome, Candidate):
        answer = outcome.answer
        # Blanks that a line is without make a text shorter, and hardly a value.
        start = answer if isinstance(answer, str) else answer_start(answer, 2 * at_most)
        sure = "" if outcome.confidence is None else f" ({outcome.confidence:.0%})"
        return f"{one_line(start, at_most)}{sure}"
    if outcome is not None:
        return f"failed, {FAILURES[outcome.kind]}"
    return one_line(explore.skipped or "")


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
    has_begun = bool(state.unread or state.done or state.turns)
    return ", ".join(busy) or ("reading what came" if has_begun else "getting ready")
