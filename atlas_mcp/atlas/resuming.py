"""The records that resume a stopped run, lift its stop, or end an interrupted run.

Owns the rules on which runs can be resumed and with which limits. Pure: it decides on records, and
never appends or drives. How a resumed run's state changes is `atlas.reopening`.
"""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.budget import MAX_EXPLORES_CEILING, check_cap
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import CallsLost, Event, RunResumed, StopRequested
from atlas_mcp.atlas.replies import Read, read_reply
from atlas_mcp.atlas.run_endings import cancelled
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.errors import InvalidInput


def resumption(
    state: RunState, *, max_explores: int | None = None, max_cost_usd: Decimal | None = None
) -> tuple[Event, ...]:
    """Return the records that resume a run that is not driven.

    Args:
        state: The run.
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap, US dollars; `None` leaves it.

    Returns:
        The records to append before the run is driven; none for a run that has its answer, where
        no limit is raised.

    Raises:
        InvalidInput: A limit is lowered or out of range, or the limit that ended the run is not
            raised, or the run cannot be added to.
    """
    check_carries_on(state)
    _check_limits(state, max_explores, max_cost_usd)
    budget, cap, finished = state.budget, state.budget.max_cost_usd, state.finished
    more_explores = max_explores not in (None, budget.max_explores)
    more_money = max_cost_usd not in (None, budget.max_cost_usd)
    if finished is not None:
        answered = finished.status == "answered"
        if answered and not more_explores and not more_money:
            return ()
        # A run that ended at the day's cap may go on: another day leaves it more.
        at_its_cap = finished.stop_reason == "max_cost" and state.day_cap_usd is None
        if at_its_cap and cap is not None and not more_money:
            raise InvalidInput(
                "max_cost_usd",
                f"the run ended at its cap of {money_text(cap)}; resume it with a larger one",
            )
        if answered and finished.stop_reason == "max_explores" and not more_explores:
            raise InvalidInput(
                "max_explores",
                f"the run ended at its ceiling of {budget.max_explores} explores; resume it with "
                "a larger one",
            )
    resumed = RunResumed(prompts.RESUMED, max_explores, max_cost_usd)
    return (*lost_calls(state), resumed)


def lifting(
    state: RunState, *, max_explores: int | None = None, max_cost_usd: Decimal | None = None
) -> RunResumed:
    """Return the record that takes back the stop of a run that is still driven.

    Args:
        state: The run; `stopping.can_be_lifted` says whether its stop can be.
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap, US dollars; `None` leaves it.

    Raises:
        InvalidInput: A limit is lowered or out of range.
    """
    _check_limits(state, max_explores, max_cost_usd)
    return RunResumed("", max_explores, max_cost_usd, lifts=True)


def abandonment(state: RunState, read: Read = read_reply) -> tuple[Event, ...]:
    """Return the records that cancel an interrupted run.

    Args:
        state: The run.
        read: Reads its unread replies, which may take seconds.

    Raises:
        InvalidInput: The run cannot be added to: see `check_carries_on`.
    """
    if state.finished is not None:
        return ()
    check_carries_on(state)
    # A reply is evidence, also where the process died before the reply was read.
    outcomes = (read(state, ReadReply(explore.id)) for explore in state.unread)
    # `CallsLost` also says that the run was idle until now, so it is recorded without calls, too.
    return (*outcomes, CallsLost(), StopRequested("user"), cancelled())


def lost_calls(state: RunState) -> tuple[Event, ...]:
    """Return the record that gives up the open calls of a run whose process is gone, if any."""
    return (CallsLost(),) if state.calls_in_flight else ()


def check_carries_on(state: RunState) -> None:
    """Refuse to add to a run whose opening record is lost, or whose workflow is not known here.

    Raises:
        InvalidInput: The record that has the problem and the settings is lost, or names a workflow
            of another version.
    """
    if state.opening_lost:
        raise InvalidInput(
            "run_id",
            "the record that opens this run, with its problem and its settings, is lost or "
            "unreadable, so nothing can be added to it; ask the question again, or put a backup of "
            "the journal in place. `atlas-mcp runs show` and `runs export` give what is left",
        )
    if unknown := workflow_of(state.spec).why_unknown:
        raise InvalidInput(
            "run_id",
            f"this version of atlas-mcp cannot carry the run on: {unknown}. Nothing was added; "
            "`atlas-mcp runs show` and `runs export` give all of the run, and the version that "
            "opened it can resume it",
        )


def carries_on(state: RunState) -> bool:
    """Return whether records can be added to a run: see `check_carries_on`."""
    try:
        check_carries_on(state)
    except InvalidInput:
        return False
    return True


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
