"""How a run of any workflow ends that was stopped, or that has no candidate to answer from."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.atlas.day_cap import too_little_left_text
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.failure_causes import causes
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.state import RunState, failed_explores
from atlas_mcp.atlas.stopping import is_stopped


def cancelled() -> RunFinished:
    """Return the end of a run that was stopped."""
    return RunFinished("cancelled", "cancelled", error="The run was stopped before it had ended.")


def unprepared(state: RunState, error: str | None) -> tuple[RunFinished, ...]:
    """Return the end of a run whose models could not be put in place: it made no call.

    Args:
        state: The run; one that was stopped meanwhile ends by its stop, and one that rests, while
            questions are asked, does not end.
        error: The cause and its remedy; `None` where the models were not ready in time.
    """
    if is_stopped(state) or state.resting:
        return ()
    if error is not None:
        return (RunFinished("failed", "error", error=error),)
    late = "The models were not ready within the run's time limit."
    return (RunFinished("failed", "deadline", error=late),)


NOT_RUN: Mapping[StopReason, str] = {
    "deadline": "The time was up before one could start: raise time_limit_s.",
    "max_explores": "No explore was left to grant: raise max_explores, or the quotas of the pool.",
    "max_cost": "The cap leaves no money for an explore: raise max_cost_usd.",
}
"""Why a run had no explore at all, by the limit that forbade one."""

NOT_PLANNED = "None was planned."
"""Why a run had no explore at all where no limit forbade one."""


def why_no_money(state: RunState, otherwise: str) -> str:
    """Return why there is no more money: the cap of the day, or else `otherwise`."""
    if state.day_cap_usd is None:
        return otherwise
    return too_little_left_text(state.day_cap_usd)


def failures_text(
    state: RunState, limit: StopReason | None = None, *, unplanned: str = NOT_PLANNED
) -> str:
    """Return the failures of the solvers of a run without candidates, as one sentence or more.

    Args:
        state: The run.
        limit: Why no further explore can be granted, `None` if one can.
        unplanned: Why no explore was planned, though one could be had.
    """
    failures = failed_explores(state)
    if not failures:
        skipped = next((e.skipped for e in state.explores.values() if e.skipped), None)
        why = skipped or (unplanned if limit is None else NOT_RUN.get(limit, NOT_RUN["max_cost"]))
        if limit == "max_cost":
            why = why_no_money(state, why)
        return f"No solver was run. {why}"
    distinct = [f"{failure.kind}: {failure.text}" for failure in causes(failures)]
    return f"No solver gave a usable answer ({len(failures)} failed). " + " | ".join(distinct[:3])
