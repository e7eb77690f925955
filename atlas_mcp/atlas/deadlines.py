"""The deadlines of a run and of its calls, as functions of its state.

The time limit of a run counts from its first call since it was opened or resumed: waiting for a
place in line and loading models take none of it. All times are Unix seconds of the run's clock.
"""

from __future__ import annotations

import math

from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.commands import AskOrchestrator, AskQuestion, Call
from atlas_mcp.atlas.state import RunState

SYNTHESIS_SECONDS = 120.0
"""Seconds of the time limit that belong to the synthesis: no solver runs on into them."""

SYNTHESIS_SHARE = 4
"""The synthesis keeps at most one part in this many of the time limit."""

CLOSING_SECONDS = 0.1
"""Seconds that solvers get past the end of exploring, which is then recorded before they fail."""


def prepared_by(state: RunState, now: float) -> float:
    """Return when the models of a run must be in place, if preparing them begins now."""
    return now + state.budget.time_limit_s


def ends_at(state: RunState) -> float:
    """Return when the time limit of a run is over; infinity before its first call."""
    if state.calls_began_at is None:
        return math.inf
    return state.calls_began_at + state.budget.time_limit_s


def explores_until(state: RunState) -> float:
    """Return when the time for exploring is up; the rest of the limit belongs to the synthesis."""
    limit = state.budget.time_limit_s
    return ends_at(state) - min(SYNTHESIS_SECONDS, limit / SYNTHESIS_SHARE)


def closes_at(state: RunState) -> float:
    """Return when to record `ExploringClosed`; infinity for a finished run, or once recorded."""
    if state.finished is not None or state.resting or state.exploring_closed:
        return math.inf
    return explores_until(state)


def deadline_of(state: RunState, call: Call) -> float:
    """Return the deadline of a call, all its attempts together.

    A question may take as long as one explore: the time limit of its run may be over.
    """
    if isinstance(call, AskOrchestrator):
        return ends_at(state)
    opened = state.open_calls.get(call_key(call.intent))
    began_at = state.at if opened is None else opened.started_at
    limit = began_at + state.budget.solver_time_limit_s
    if isinstance(call, AskQuestion):
        return min(limit, began_at + state.budget.time_limit_s)
    return min(limit, explores_until(state) + CLOSING_SECONDS)


def late_text(state: RunState, call: Call) -> str:
    """Return a text that names the limit, the call's or the run's, that ended a call."""
    own = isinstance(call, AskQuestion) or deadline_of(state, call) < explores_until(state)
    return "no reply within its time limit" if own else "no reply within the run's time limit"
