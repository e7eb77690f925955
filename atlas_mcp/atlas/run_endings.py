"""How a run ends: with the orchestrator's answer, without it, or stopped."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.atlas.agreement import group_answers
from atlas_mcp.atlas.day_cap import too_little_left_text
from atlas_mcp.atlas.decisions import Synthesis
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.failure_causes import causes
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.state import RunState, failed_explores
from atlas_mcp.atlas.stopping import is_stopped
from atlas_mcp.atlas.wording import share_text
from atlas_mcp.texts import quoted

ENOUGH_TO_GIVE_UP = 2
"""Explores that must have ended before "no supported answer" is accepted below the floor."""

ENOUGH_TO_AGREE = 2
"""Candidates with the same answer that suffice to return it without a synthesis."""


def answered(turn: OrchestratorTurn, synthesis: Synthesis) -> RunFinished:
    """Return the end that the orchestrator decided on."""
    supported = synthesis.answer is not None
    return RunFinished(
        status="answered",
        stop_reason=(turn.asked.must_conclude or "decided") if supported else "no_supported_answer",
        answer=synthesis.answer,
        explanation=synthesis.explanation,
        confidence=synthesis.confidence if supported else None,
        dissent=synthesis.dissent,
    )


def cancelled() -> RunFinished:
    """Return the end of a run that was stopped."""
    return RunFinished("cancelled", "cancelled", error="The run was stopped before it had ended.")


def unprepared(state: RunState, error: str | None) -> tuple[RunFinished, ...]:
    """Return the end of a run whose models could not be put in place: it made no call.

    Args:
        state: The run; one that was stopped meanwhile ends by its stop.
        error: The cause and its remedy; `None` where the models were not ready in time.
    """
    if is_stopped(state):
        return ()
    if error is not None:
        return (RunFinished("failed", "error", error=error),)
    late = "The models were not ready within the run's time limit."
    return (RunFinished("failed", "deadline", error=late),)


def gathered(state: RunState) -> RunFinished:
    """Return the end of a run whose orchestrator is the client: it has no answer of ours."""
    if state.votes:
        return RunFinished("answered", "decided")
    return RunFinished("failed", "no_candidates", error=failures_text(state))


def unsynthesized(state: RunState, reason: StopReason, error: str) -> RunFinished:
    """Return the end of a run whose orchestrator gave no answer.

    At least two candidates with the same answer, and fewer with any other, are evidence that was
    paid for: the run returns their answer with a warning. With less evidence it has no answer.
    """
    groups = group_answers(state.votes)
    if not groups:
        return RunFinished("failed", "no_candidates" if reason == "error" else reason, error=error)
    top = len(groups[0].votes)
    if top >= ENOUGH_TO_AGREE and (len(groups) == 1 or top > len(groups[1].votes)):
        return RunFinished(
            "answered",
            reason,
            answer=groups[0].answer,
            explanation=f"{share_text(top, len(state.votes))} agree on this answer.",
            error=error,
            warning="The orchestrator did not synthesize this answer: it is what most "
            f"candidates say. Its reason: {quoted(error)}",
        )
    return RunFinished("failed", reason, error=error)


NOT_RUN: Mapping[StopReason | None, str] = {
    "deadline": "The time was up before one could start: raise time_limit_s.",
    "max_explores": "No explore was left to grant: raise max_explores, or the quotas of the pool.",
    "max_cost": "The cap leaves no money for an explore: raise max_cost_usd.",
    None: "The orchestrator answered without an explore, also when it was told to make one first, "
    "and an answer without evidence is not passed on: ask again, or use another orchestrator.",
}
"""Why a run had no explore at all, by the limit that forbade one; `None` where none did."""


def why_no_money(state: RunState, otherwise: str) -> str:
    """Return why there is no more money: the cap of the day, or else `otherwise`."""
    if state.day_cap_usd is None:
        return otherwise
    return too_little_left_text(state.day_cap_usd)


def failures_text(state: RunState, limit: StopReason | None = None) -> str:
    """Return the failures of the solvers of a run without candidates, as one sentence or more.

    Args:
        state: The run.
        limit: Why no further explore can be granted, `None` if one can.
    """
    failures = failed_explores(state)
    if not failures:
        skipped = next((e.skipped for e in state.explores.values() if e.skipped), None)
        why = skipped or NOT_RUN.get(limit, NOT_RUN["max_cost"])
        if limit == "max_cost":
            why = why_no_money(state, why)
        return f"No solver was run. {why}"
    distinct = [f"{failure.kind}: {failure.message}" for failure in causes(failures)]
    return f"No solver gave a usable answer ({len(failures)} failed). " + " | ".join(distinct[:3])
