"""A run at work in one line, and its parts: for progress notifications and terminals.

Pure functions of a run that is being watched. The words are those of `atlas_mcp.views.facts`.
"""

from __future__ import annotations

from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.call_names import question_call, solver_call
from atlas_mcp.atlas.explore import Candidate, SolverFailure
from atlas_mcp.atlas.judgement import confirming, judged_groups
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState, failed_explores
from atlas_mcp.atlas.wording import cost_text, seconds_text
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.texts import LINE_CHARS, answer_start, one_line
from atlas_mcp.views.facts import (
    FAILURES,
    agreement_text,
    confidence_text,
    evidence_text,
    explore_name,
    tokens_text,
)
from atlas_mcp.views.orchestrator_words import words_in

NOTICE_CHARS = 160
"""Characters of a notice, and of its cause, beside the rest of a line."""

REASON_CHARS = 240
"""Characters of the orchestrator's words in a line."""

ANSWER_CHARS = 300
"""Characters of an answer while others are still at work."""


def status_line(live: LiveRun, *, now: float) -> str:
    """Return a run in a line: which explores are at work, for how long, tokens, money."""
    state = live.state
    if live.waiting is not None:
        return f"{live.waiting} · {cost_of(state)}"
    parts = [notice_text(live.notice)] if live.notice else []
    asking = _asking(live, now)
    ended = state.finished is not None and f"{state.finished.status}"
    parts += [asking or ended or _doing(live, now)]
    evidence = evidence_text(len(state.candidates), len(failed_explores(state)))
    agreement = agreement_of(state)
    parts += [f"{evidence} ({agreement})" if agreement else evidence, cost_of(state)]
    return one_line(" · ".join(parts), at_most=LINE_CHARS)


def notice_text(notice: Notice, *, at_most: int = NOTICE_CHARS) -> str:
    """Return a notice in a line, with its cause behind it."""
    text = one_line(notice.text, at_most)
    return f"{text} ({one_line(notice.cause, at_most)})" if notice.cause else text


def explore_text(state: RunState, explore: ExploreState) -> str:
    """Return an explore's number and model, and how it works: its strategy, or its other role."""
    action = explore.planned.explore
    name = state.spec.solver(action.solver).spec.title.partition("/")[2]
    # Of a name with three parts or more, such as OWNER/REPOSITORY/FILE, the last one fits a line.
    model = name.rpartition("/")[2] if name.count("/") > 1 else name
    return one_line(explore_name(explore.id, model, strategy=action.strategy, role=action.role))


def agreement_of(state: RunState) -> str:
    """Return how many of the independent candidates agree; empty before there are two.

    While the run goes on they agree by rule; at its end, also by the orchestrator's judgement.
    """
    found = len(state.votes)
    # Grouping is worked out only where there is something to say.
    if found < 2:
        return ""
    top = judged_groups(state)[0]
    return agreement_text(len(top.votes), found, top.by_rule, own_votes(state, top))


def request_text(state: RunState) -> str:
    """Return the explores that the orchestrator's last turn led to, and what it said of them.

    Empty for a turn that led to none.
    """
    turn = state.turns[-1] if state.turns else None
    if turn is None or not turn.granted:
        return ""
    numbers = ", ".join(f"#{number}" for number in turn.granted)
    if any(state.explores[number].origin == "floor" for number in turn.granted):
        return f"wanted to stop too early, so {numbers} is added"
    said = one_line(words_in(turn), REASON_CHARS)
    return f"asks for {numbers}: {said}" if said else f"asks for {numbers}"


def own_votes(state: RunState, top: Group) -> int | None:
    """Return how many candidates give the run's answer, where the largest group gives another.

    `None` where that group gives it, and where the run has no answer.
    """
    if state.finished is None or state.finished.answer is None:
        return None
    confirmed = confirming(state)
    return len(confirmed) if confirmed.isdisjoint(top.explore_ids) else None


def cost_of(state: RunState) -> str:
    """Return the cost of a run against its cap."""
    return cost_text(state.cost_usd, state.budget.max_cost_usd)


def outcome_text(explore: ExploreState, *, at_most: int = ANSWER_CHARS) -> str:
    """Return the outcome of an explore in a line.

    The cause of a failure is shown at the end of the run: several explores fail of one as a rule,
    and it is shown once.
    """
    outcome = explore.outcome
    if isinstance(outcome, Candidate):
        answer = outcome.answer
        # Blanks that a line is without make a text shorter, and hardly a value.
        start = answer if isinstance(answer, str) else answer_start(answer, 2 * at_most)
        return f"{one_line(start, at_most)}{confidence_text(outcome.confidence)}"
    if isinstance(outcome, SolverFailure):
        return f"failed, {FAILURES[outcome.kind]}"
    if outcome is not None:
        return one_line(outcome.text, at_most)
    return one_line(explore.skipped or "")


def _asking(live: LiveRun, now: float) -> str:
    """Return the questions that are being answered; empty for none."""
    busy = [
        f"question {one.number} {seconds_text(now - (one.asked_at or now))} "
        f"{tokens_text(live.tokens.get(question_call(one.number), 0))}"
        for one in live.state.open_questions
    ]
    return ", ".join(busy)


def _doing(live: LiveRun, now: float) -> str:
    state = live.state
    busy: list[str] = []
    for explore in state.solvers_in_flight:
        seconds = seconds_text(now - (explore.started_at or now))
        tokens = tokens_text(live.tokens.get(solver_call(explore.id), 0))
        busy.append(f"{explore_text(state, explore)} {seconds} {tokens}")
    if state.turn_in_flight:
        turn = state.turns[-1]
        busy.append(f"orchestrator turn {turn.asked.turn} {seconds_text(now - turn.started_at)}")
    if state.stop_cause is not None:
        return f"stopping: {', '.join(busy)}" if busy else "stopping"
    has_begun = bool(state.unread or state.done or state.turns)
    return ", ".join(busy) or ("reading replies" if has_begun else "getting ready")
