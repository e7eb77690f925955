"""How a run stands and why it ended, in words: for its page, its transcript and lists of runs.

Pure functions of plain values.
"""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.outcomes import NOBODY_DRIVES, Status, StopReason
from atlas_mcp.atlas.wording import money_text, seconds_text
from atlas_mcp.texts import counted

STATUSES: Mapping[Status, str] = {
    "running": "Running",
    "answered": "Answered",
    "cancelled": "Cancelled",
    "interrupted": "Interrupted",
    "failed": "Failed",
}
"""A status as a heading."""

SHORT_STOPS: Mapping[StopReason, str] = {
    "decided": "decided",
    "no_supported_answer": "no supported answer",
    "max_explores": "limit of explores",
    "max_cost": "limit of cost",
    "deadline": "out of time",
    "cancelled": "cancelled",
    "no_candidates": "no candidates",
    "error": "error",
}
"""Why a run ended, in a line of a list."""

_DECIDED: Mapping[str, str] = {
    "atlas": "The orchestrator stopped: it found the evidence sufficient.",
    "explore": "All explores that were asked for are done.",
}
"""Why a run of a workflow ended by its own decision; others came to their end."""


def status_text(
    status: Status, stop_reason: StopReason | None, *, waiting: str | None = None
) -> str:
    """Return how a run stands, as a heading.

    Args:
        status: Its status.
        stop_reason: Why it ended.
        waiting: Its place in line, where it waits for one.
    """
    if status == "running" and waiting:
        return "Waiting"
    if stop_reason == "no_supported_answer":
        return "No supported answer"
    return STATUSES[status]


def state_text(status: Status, stop_reason: StopReason | None) -> str:
    """Return how a run stands for a list: its status, and why it ended where that says more."""
    if stop_reason == "no_supported_answer":
        return SHORT_STOPS[stop_reason]
    if stop_reason is None or stop_reason == "decided" or stop_reason == status:
        return status
    return f"{status}: {SHORT_STOPS[stop_reason]}"


def stop_text(
    status: Status, stop_reason: StopReason | None, *, workflow: str, budget: Budget
) -> str | None:
    """Return why a run ended, as a sentence; `None` while it goes on.

    Args:
        status: Its status.
        stop_reason: Why it ended.
        workflow: Its policy.
        budget: Its limits.
    """
    match stop_reason:
        case None:
            return f"{NOBODY_DRIVES}: it can go on." if status == "interrupted" else None
        case "decided":
            return _DECIDED.get(workflow, "The workflow came to its end.")
        case "no_supported_answer":
            return "The orchestrator stopped: the evidence supports no answer."
        case "max_explores":
            return f"It stopped at its limit of {counted(budget.max_explores, 'explore')}."
        case "max_cost":
            cap = budget.max_cost_usd
            return f"It stopped at its cap{f' of {money_text(cap)}' if cap is not None else ''}."
        case "deadline":
            return f"It stopped at its time limit of {seconds_text(budget.time_limit_s)}."
        case "cancelled":
            return "It was cancelled."
        case "no_candidates":
            return "No solver gave a usable answer."
        case "error":
            return "An error ended it."


def without_answer(
    status: Status,
    stop_reason: StopReason | None,
    *,
    workflow: str,
    waiting: str | None,
    found: int,
    at_work: int,
) -> str:
    """Return what stands in the place of an answer.

    Args:
        status: The status of the run.
        stop_reason: Why it ended.
        workflow: Its policy.
        waiting: Its place in line, where it waits for one.
        found: Its candidates.
        at_work: Its explores under way.
    """
    if status == "running":
        if waiting:
            return waiting
        busy = f", {counted(at_work, 'explore')} at work" if at_work else ""
        return f"No answer yet: {counted(found, 'candidate')} so far{busy}."
    if stop_reason == "no_supported_answer":
        return "The evidence supports no answer. That is a result: better than a guess."
    if workflow == "explore":
        return "This run gathers candidates; the agent that called judges them."
    if status in ("interrupted", "cancelled"):
        return "There is no answer yet; the evidence is kept."
    return "There is no answer."
