"""The records that resume a stopped run, lift its stop, or end an interrupted run.

Owns the rules on which runs can be resumed and with which limits. Pure: it decides on records, and
never appends or drives. How a resumed run's state changes is `atlas.reopening`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.budget import MAX_COST_CEILING_USD, MAX_EXPLORES_CEILING, check_cap
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import CallsLost, Event, Record, RunFinished, RunResumed, StopRequested
from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS
from atlas_mcp.atlas.replies import Read, read_reply
from atlas_mcp.atlas.run_endings import cancelled
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.atlas.workflows.possible_explores import must_conclude
from atlas_mcp.atlas.workflows.registry import CLIENT_EXPLORES, workflow_of
from atlas_mcp.errors import InvalidInput

FURTHER_EXPLORES = 4
"""Explores that a larger ceiling is suggested with: as many as a small run has."""


class LargerLimits(NamedTuple):
    """Limits under which a run can go on; `None` for one that need not be raised.

    Attributes:
        max_explores: The ceiling of explores.
        max_cost_usd: The cap, US dollars.
    """

    max_explores: int | None = None
    max_cost_usd: Decimal | None = None


def resumable_under(state: RunState) -> LargerLimits | None:
    """Return limits under which a run that is not driven goes on; `None` where nothing helps."""
    if not carries_on(state):
        return None
    finished, budget = state.finished, state.budget
    if finished is None:
        return LargerLimits()
    if _ended_at_its_cap(state, finished):
        cap = budget.max_cost_usd
        if cap is None or cap >= MAX_COST_CEILING_USD:
            return None
        return LargerLimits(max_cost_usd=min(2 * cap, MAX_COST_CEILING_USD))
    if finished.status != "answered":
        return LargerLimits()
    # Only a larger limit reopens a run that has its answer.
    if budget.max_explores >= MAX_EXPLORES_CEILING or not _has_use_for_more(state):
        return None
    return LargerLimits(min(MAX_EXPLORES_CEILING, budget.max_explores + FURTHER_EXPLORES))


def resumption(
    state: RunState,
    *,
    max_explores: int | None = None,
    max_cost_usd: Decimal | None = None,
    instruction: str = "",
) -> tuple[Event, ...]:
    """Return the records that resume a run that is not driven.

    Args:
        state: The run.
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap, US dollars; `None` leaves it.
        instruction: What the user asks the orchestrator to look into; empty for nothing.

    Returns:
        The records to append before the run is driven; none for a run that has its answer, where
        no limit is raised and no instruction given.

    Raises:
        InvalidInput: A limit is lowered or out of range, or the limit that ended the run is not
            raised, or the run cannot be added to, or cannot follow the instruction.
    """
    check_carries_on(state)
    instruction = check_instruction(state, instruction)
    _check_limits(state, max_explores, max_cost_usd)
    budget, finished = state.budget, state.finished
    more_explores = max_explores not in (None, budget.max_explores)
    more_money = max_cost_usd not in (None, budget.max_cost_usd)
    if finished is not None:
        answered = finished.status == "answered"
        if answered and not (more_explores or more_money or instruction):
            return ()
        _check_end(state, finished, more_explores=more_explores, more_money=more_money)
    resumed = RunResumed(prompts.RESUMED, max_explores, max_cost_usd, instruction=instruction)
    events = (*lost_calls(state), resumed)
    if instruction:
        _check_room(state, events)
    return events


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


def _check_end(
    state: RunState, finished: RunFinished, *, more_explores: bool, more_money: bool
) -> None:
    """Refuse to resume a run without raising the limit that ended it.

    Raises:
        InvalidInput: That limit is as it was.
    """
    budget, cap = state.budget, state.budget.max_cost_usd
    if _ended_at_its_cap(state, finished) and cap is not None and not more_money:
        raise InvalidInput(
            "max_cost_usd",
            f"the run ended at its cap of {money_text(cap)}; resume it with a larger one",
        )
    answered_at_ceiling = finished.status == "answered" and finished.stop_reason == "max_explores"
    if answered_at_ceiling and not more_explores:
        raise InvalidInput(
            "max_explores",
            f"the run ended at its ceiling of {budget.max_explores} explores; resume it with "
            "a larger one",
        )


def _ended_at_its_cap(state: RunState, finished: RunFinished) -> bool:
    """Return whether its own cap ended a run; at that of the day, another day leaves it more."""
    return finished.stop_reason == "max_cost" and state.day_cap_usd is None


def _has_use_for_more(state: RunState) -> bool:
    """Return whether a run that has its answer makes more explores under a larger ceiling."""
    workflow = workflow_of(state.spec)
    fixed = workflow.explores
    return not workflow.gathers and (fixed is None or fixed > state.budget.max_explores)


def check_instruction(state: RunState, instruction: str) -> str:
    """Return a user's instruction to the orchestrator of a run, without blanks around it.

    Raises:
        InvalidInput: It is too long or no text, or the run has no orchestrator to follow it.
    """
    text = instruction.strip()
    if not text:
        return ""
    if not workflow_of(state.spec).orchestrated:
        kind = state.spec.workflow
        explores = kind.partition(":")[0] == CLIENT_EXPLORES
        raise InvalidInput(
            "instruction",
            f"is for an orchestrator, and a run of {kind!r} has none; "
            + (
                "call explore with its run_id and the instruction"
                if explores
                else "ask the question again with the instruction in it"
            ),
        )
    if len(text) > MAX_INSTRUCTION_CHARS:
        raise InvalidInput(
            "instruction",
            f"has {len(text):,} characters; at most {MAX_INSTRUCTION_CHARS:,} are taken",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("instruction", "is not valid Unicode; write it in UTF-8") from None
    return text


def _check_room(state: RunState, events: tuple[Event, ...]) -> None:
    """Refuse an instruction that no explore could follow under the limits of the run.

    Args:
        state: The run.
        events: The records that resume it.

    Raises:
        InvalidInput: A limit leaves no explore; the message has one that does.
    """
    for event in events:
        state = state.apply(Record(state.seq + 1, state.at, event))
    if state.waiting:
        return
    used, limit = state.used_explores, must_conclude(state)
    if limit == "max_explores" and state.explores_left == 0:
        raise InvalidInput(
            "max_explores",
            f"the run has used its {used} explores, and the instruction needs further ones; resume "
            f"it with max_explores={min(used + FURTHER_EXPLORES, MAX_EXPLORES_CEILING)}",
        )
    if limit == "max_explores":
        raise InvalidInput(
            "instruction", "needs a further explore, and the quotas of the solvers are used up"
        )
    cap = state.budget.max_cost_usd
    if limit == "max_cost" and cap is not None:
        raise InvalidInput(
            "max_cost_usd",
            f"the run has {money_text(state.ledger.available or FREE)} left of its cap of "
            f"{money_text(cap)}, too little for a further explore; resume it with a larger one",
        )


def lost_calls(state: RunState) -> tuple[Event, ...]:
    """Return the record that gives up the calls of a run whose process is gone, if any is open.

    Also those of questions that were not asked yet: nothing is asked by itself later.
    """
    asking = any(not one.unread for one in state.open_questions)
    return (CallsLost(),) if state.calls_in_flight or asking else ()


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
    if max_cost_usd is not None:
        check_raised_cap(state, max_cost_usd)


def check_raised_cap(state: RunState, max_cost_usd: Decimal) -> None:
    """Refuse a new cap of a run that makes no sense, or is lower than the one that it has.

    Raises:
        InvalidInput: It is.
    """
    before = state.budget
    check_cap(max_cost_usd)
    if before.max_cost_usd is None:
        raise InvalidInput("max_cost_usd", "this run was opened without a cap; leave it out")
    if max_cost_usd < before.max_cost_usd:
        raise InvalidInput(
            "max_cost_usd",
            f"is {max_cost_usd}; this run has {before.max_cost_usd}, which can only be raised",
        )
