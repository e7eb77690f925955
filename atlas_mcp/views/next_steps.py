"""The next step of a caller: the call that waits for a run, resumes it, or adds to it.

Returns sentences for the field `next` of a view. Decides nothing, and makes no call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlas_mcp.atlas.outcomes import NOBODY_DRIVES, Status
from atlas_mcp.atlas.resuming import carries_on
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.runs.callers import Joined

POLL_SECONDS = 40
"""Seconds that a caller is told to wait for a run, where nothing is known of its patience."""

REPEAT_MINUTES = 10
"""Minutes for which a call that is repeated word for word goes on with a run that was cut off."""

JOINED: Mapping[Joined, str] = {
    "in_flight": "This call joined run {run_id}, which an identical call had opened",
    "goes_on": (
        "This call goes on with run {run_id}, which an identical call had opened and which had "
        "stopped"
    ),
    "handed_over": (
        "This is the result of run {run_id}, which an identical call had opened and nobody had "
        "received"
    ),
}
"""The run that a call has come to instead of one of its own."""


@dataclass(frozen=True, slots=True)
class Poll:
    """How a caller is to wait for a run that goes on.

    Attributes:
        since: The last record that it has been told of; `None` where it has named none.
        wait_s: Seconds for which it can wait.
        outlives: Whether the run goes on although the process that answers the caller has ended.
    """

    since: int | None = None
    wait_s: int = POLL_SECONDS
    outlives: bool = False

    def call(self, run_id: str) -> str:
        """Return the call."""
        since = "" if self.since is None else f"since={self.since}, "
        return f"get_run with run_id={run_id!r}, {since}wait_s={self.wait_s}"


DEFAULT_POLL = Poll()
"""For a caller of which nothing is known."""


def next_step(
    run_id: str, state: RunState, status: Status, poll: Poll, *, waiting: str | None = None
) -> str | None:
    """Return the next step of the caller of a run; `None` where nothing is left to do.

    Args:
        run_id: The run.
        state: Its records, folded.
        status: Where it stands.
        poll: How its caller is to wait for it while it goes on.
        waiting: Its place in line; `None` where it is not in line.
    """
    if status == "running":
        step = _while_it_runs(run_id, state, poll)
        return step if waiting is None else f"It is {waiting}. {step}"
    if not carries_on(state):
        answered = state.finished is not None and state.finished.answer is not None
        return None if answered else "Answer from the candidates here, or ask the question again."
    if status == "interrupted":
        return (
            f"{NOBODY_DRIVES}. Nothing is spent meanwhile, and what was found is kept: call "
            f"resume_run with run_id={run_id!r} to go on."
        )
    if workflow_of(state.spec).gathers and state.votes:
        return (
            "You are the orchestrator: compare the candidates' justifications. For more evidence "
            f"call explore again with run_id={run_id!r} and another strategy; else answer."
        )
    if state.finished is None or state.finished.answer is not None:
        return None
    return _after_the_end(f"resume_run with run_id={run_id!r}", state, status)


def joined_text(run_id: str, joined: Joined, *, has_fresh: bool) -> str:
    """Return the sentence that tells a caller of the run that it shares.

    Args:
        run_id: The run.
        joined: How it came to the run.
        has_fresh: Whether its tool takes `fresh`.
    """
    another = "; `fresh: true` asks for another" if has_fresh else ""
    return f"{JOINED[joined].format(run_id=run_id)}{another}."


def _while_it_runs(run_id: str, state: RunState, poll: Poll) -> str:
    """Return the next step while some process drives the run."""
    call = poll.call(run_id)
    if state.stop_cause is None:
        also = ", also when this server has ended" if poll.outlives else ""
        return f"Call {call}; the run goes on meanwhile{also}."
    return (
        "The run has been stopped and begins nothing more; calls in flight may still end: call "
        f"{call} for what was found, then resume_run to go on."
    )


def _after_the_end(resume: str, state: RunState, status: Status) -> str:
    """Return the next step after a run that ended without an answer.

    Args:
        resume: The call that resumes it.
        state: Its records, folded.
        status: Where it stands.
    """
    assert state.finished is not None, "such a run has ended"
    instead = ", or answer from the candidates here" if state.candidates else ""
    if status == "cancelled":
        again = ""
        if state.stop_cause == "client":
            again = f", or repeat the call within {REPEAT_MINUTES} minutes of its being cut off"
        return f"Nothing is lost: call {resume} to go on{again}{instead}."
    if state.day_cap_usd is not None:
        return (
            "Raise max_cost_usd_per_day in atlas.toml, or wait for tomorrow (UTC); then call "
            f"{resume}{instead}."
        )
    match state.finished.stop_reason:
        case "max_cost":
            return f"Call {resume} and a larger max_cost_usd{instead}."
        case "deadline":
            return f"Call {resume} for as much time again{instead}."
        case "no_supported_answer":
            return (
                f"The evidence supports no answer. Call {resume} and a larger max_explores to "
                "gather more, or sharpen the question."
            )
        case "no_candidates":
            return f"Fix the errors reported by the candidates, then call {resume}."
        case _:
            return f"Call {resume} to try again{instead}."
