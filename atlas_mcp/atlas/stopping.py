"""Requests to stop a run: which of them counts, which can be taken back, when no call may start."""

from __future__ import annotations

from atlas_mcp.atlas.events import Event, StopCause, StopRequested
from atlas_mcp.atlas.state import RunState


def stop_events(state: RunState, cause: StopCause) -> tuple[Event, ...]:
    """Return the record of a stop request; none where it changes nothing.

    The first request counts, and nothing stops a run that has ended. A user's request counts
    besides: it ends a run that would have been left to be resumed. Of a run that has ended, or
    that rests, the open questions are stopped.

    Args:
        state: The run.
        cause: The source of the request.
    """
    if state.finished is not None or (state.resting and cause != "user"):
        is_asking = bool(state.open_questions) and not state.questions_stopped
        return (StopRequested(cause),) if is_asking else ()
    first = state.stop_cause is None
    ends_at_last = cause == "user" and state.stop_cause != "user"
    return (StopRequested(cause),) if first or ends_at_last else ()


def is_stopped(state: RunState) -> bool:
    """Return whether no further call of a run is to start."""
    return state.finished is not None or state.stop_cause is not None


def is_at_rest(state: RunState) -> bool:
    """Return whether nothing goes on in a run but questions about it."""
    return state.finished is not None or (state.resting and state.stop_cause is None)


def begins_nothing(state: RunState) -> bool:
    """Return whether no further call of a run, or of a question about it, is to start."""
    asks = bool(state.open_questions) and not state.questions_stopped
    return not asks and (is_stopped(state) or state.resting)


def can_be_lifted(state: RunState) -> bool:
    """Return whether the stop of a run that is still carried out can be taken back.

    Only that of a client can: a client that waits no longer may ask again.
    """
    return state.finished is None and state.stop_cause == "client"
