"""Going on with a run that has stopped, and ending one that nobody drives. Pure, like `policy`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.budget import MAX_EXPLORES_CEILING, check_cap
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.endings import cancelled
from atlas_mcp.atlas.events import CallsLost, Event, RunResumed, StopRequested
from atlas_mcp.atlas.replies import read_reply
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput


def resumption(
    state: RunState, *, max_explores: int | None = None, max_cost_usd: Decimal | None = None
) -> tuple[Event, ...]:
    """Return the records that let a run go on which nobody drives.

    Args:
        state: The run.
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap, US dollars; `None` leaves it.

    Returns:
        What to record before the run is driven; nothing where there is nothing to go on with: it
        has its answer, and no limit is raised.

    Raises:
        InvalidInput: A limit is lowered or out of range, or the one that ended the run is not
            raised; or the run has lost the record that opens it.
    """
    check_opening(state)
    _check_limits(state, max_explores, max_cost_usd)
    budget, finished = state.budget, state.finished
    more_explores = max_explores not in (None, budget.max_explores)
    more_money = max_cost_usd not in (None, budget.max_cost_usd)
    if finished is not None:
        answered = finished.status == "answered"
        if answered and not more_explores and not more_money:
            return ()
        # What the other runs of a day have left of its cap is another matter the next time.
        at_its_cap = finished.stop_reason == "max_cost" and state.day_cap_usd is None
        if at_its_cap and not more_money:
            raise InvalidInput(
                "max_cost_usd",
                f"the run ended at its cap of {budget.max_cost_usd}; resume it with a larger one",
            )
        if answered and finished.stop_reason == "max_explores" and not more_explores:
            raise InvalidInput(
                "max_explores",
                f"the run ended at its ceiling of {budget.max_explores} explores; resume it with "
                "a larger one",
            )
    resumed = RunResumed(prompts.RESUMED, max_explores, max_cost_usd)
    return (*lost_calls(state), resumed)


Read: TypeAlias = Callable[[RunState, ReadReply], Event]
"""Says what follows from a reply that is on record."""


def abandonment(state: RunState, read: Read = read_reply) -> tuple[Event, ...]:
    """Return the records that end a run which nobody drives and nobody wants.

    Args:
        state: The run.
        read: Reads its unread replies, which may take seconds.

    Raises:
        InvalidInput: The run has lost the record that opens it, and nothing can be added to it.
    """
    if state.finished is not None:
        return ()
    check_opening(state)
    # What was replied is evidence, also where its process died before it was read.
    outcomes = (read(state, ReadReply(explore.id)) for explore in state.unread)
    # Recorded also where no call was open: the time until now, nobody drove it.
    return (*outcomes, CallsLost(), StopRequested("user"), cancelled())


def lost_calls(state: RunState) -> tuple[Event, ...]:
    """Return the record that comes before any other where nobody drives the run any more."""
    return (CallsLost(),) if state.calls_in_flight else ()


def check_opening(state: RunState) -> None:
    """Refuse to add to a run of which the problem and the settings are lost.

    Raises:
        InvalidInput: They are.
    """
    if state.opening_lost:
        raise InvalidInput(
            "run_id",
            "the record that opens this run, with its problem and its settings, is lost or "
            "unreadable, so nothing can be added to it; ask the question again, or put a backup of "
            "the journal in place. `atlas-mcp runs show` and `runs export` give what is left",
        )


def _check_limits(state: RunState, max_explores: int | None, max_cost_usd: Decimal | None) -> None:
    before = state.budget
    if max_explores is not None and not before.max_explores <= max_explores <= MAX_EXPLORES_CEILING:
        raise InvalidInput(
            "max_explores",
            f"is {max_explores}; this run has {before.max_explores}, which can be raised up to "
            f"{MAX_EXPLORES_CEILING}",
        )
    if max_cost_usd is None:
        return
    check_cap(max_cost_usd)
    if before.max_cost_usd is None:
        raise InvalidInput("max_cost_usd", "this run was opened without a cap; leave it out")
    if max_cost_usd < before.max_cost_usd:
        raise InvalidInput(
            "max_cost_usd",
            f"is {max_cost_usd}; this run has {before.max_cost_usd}, which can only be raised",
        )
