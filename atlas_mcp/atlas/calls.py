"""The end of a call, with whatever is known of it, made an event.

Owns `event = conclude(state, call, arrived)`: whether a failed call is made again, the most that it
may have cost beyond its counts. Pure and total: `conclude` never raises. `atlas.arrived` makes a
reply storable, and `atlas.replies` reads its meaning later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from atlas_mcp.atlas.arrived import (
    charge_of,
    orchestrator_replied,
    question_replied,
    solver_replied,
)
from atlas_mcp.atlas.call_names import CallEnd, CallIntent, call_key
from atlas_mcp.atlas.commands import AskQuestion, Call, RunSolver
from atlas_mcp.atlas.deadlines import deadline_of, late_text
from atlas_mcp.atlas.events import (
    AttemptFailed,
    OrchestratorFailed,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import FailureKind, SolverFailure
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.question_events import QuestionAsked, QuestionFailed
from atlas_mcp.atlas.retrying import chance_of, why_no_further_attempt
from atlas_mcp.atlas.run_facts import OpenCall
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import MAX_NAME_CHARS, failure_text, seconds_of, text_of
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Usage

Cause: TypeAlias = Literal["unavailable", "down", "rejected", "aborted", "stopped", "bug"]
"""Why there is no reply: it may work later; the endpoint is not asked at present; the same call
would fail again; the call was broken off from here, at its deadline or by a stop of its run; a
fault in atlas-mcp or in a library."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """An attempt of a call that gave no reply, as an engine hands it over.

    Attributes:
        cause: Why.
        message: The event, in words for a person; empty where the call was broken off.
        model: The model, as the message names it; empty for none.
        request_id: The vendor's id of the call; `None` if there was none.
        charge: The counted consumption.
        complete: Whether no more than `charge` can be billed.
        retry_after: Seconds that the vendor asks to wait; `None` if it did not say.
        given_up: Why the endpoint was not asked; empty where it was.
    """

    cause: Cause
    message: str = ""
    model: str = ""
    request_id: str | None = None
    charge: Charge = NO_CHARGE
    complete: bool = True
    retry_after: float | None = None
    given_up: str = ""


_KINDS: dict[Cause, FailureKind] = {
    "unavailable": "unavailable",
    "down": "unavailable",
    "rejected": "rejected",
    "bug": "malformed",
}

NO_MONEY_TO_TRY_AGAIN = "not tried again: the budget leaves no money for another attempt"


def failure(kind: FailureKind, message: str, *, given_up: str = "") -> SolverFailure:
    """Return a failure whose texts can be stored."""
    return SolverFailure(kind, failure_text(message), given_up=failure_text(given_up))


def conclude(
    state: RunState, call: Call, arrived: object, *, now: float
) -> CallEnd | AttemptFailed:
    """Return the event that records the end of an attempt of a call.

    Args:
        state: The run, with the call open.
        call: The call.
        arrived: A `NoReply`, or else the adapter's reply, whatever that is.
        now: Unix seconds of the run's clock.
    """
    name = call_key(call.intent)
    opened = state.open_calls.get(name) or OpenCall(state.at, call.intent.hold_usd)
    if not isinstance(arrived, NoReply):
        if isinstance(call, RunSolver):
            return solver_replied(call.intent.explore_id, arrived, before=opened.failed)
        if isinstance(call, AskQuestion):
            return question_replied(call.intent.number, arrived, before=opened.failed)
        return orchestrator_replied(call.intent.turn, arrived, before=opened.failed)
    charge = _charge_without_reply(spec_of(state, call), call, arrived)
    not_before, why_not = _further(state, call, opened, arrived, now)
    if why_not is None and not _bears(state, charge):
        why_not = NO_MONEY_TO_TRY_AGAIN
    why = _failure(state, call, arrived, why_not or "")
    if why_not is None:
        return AttemptFailed(name, opened.attempt, why, charge, not_before)
    return ended_without_reply(call.intent, why, opened.failed + charge)


def next_attempt(state: RunState, call: Call) -> Call | CallEnd | None:
    """Return the next step of a call whose attempt has been recorded.

    Returns:
        The call again, with its next attempt; or its end, where the day's cap has been reached
        meanwhile and no longer bears it; or `None`, where the call has ended.
    """
    opened = state.open_calls.get(call_key(call.intent))
    if opened is None or opened.attempt == call.attempt:
        return None
    if state.ledger.limit is not None and state.ledger.committed > state.ledger.limit:
        why = failure("unavailable", "the model did not answer", given_up=NO_MONEY_TO_TRY_AGAIN)
        return ended_without_reply(call.intent, why, opened.failed)
    return replace(call, attempt=opened.attempt, not_before=opened.not_before)


def spec_of(state: RunState, call: Call) -> ModelSpec:
    """Return the model that a call asks."""
    if isinstance(call, RunSolver):
        return state.spec.solver(call.explore.solver).spec
    if isinstance(call, AskQuestion):
        return state.questions[call.intent.number].posed.model
    assert state.spec.orchestrator is not None, "only a run with an orchestrator asks it"
    return state.spec.orchestrator


def is_cut_off(state: RunState, call: Call) -> bool:
    """Return whether a stop has ended a call, or keeps it from being made."""
    asks = isinstance(call, AskQuestion)
    return state.questions_stopped if asks else state.stop_cause is not None


def ended_without_reply(
    intent: CallIntent, why: SolverFailure, charge: Charge
) -> SolverFinished | OrchestratorFailed | QuestionFailed:
    """Return the event of a call that ended without a reply."""
    if isinstance(intent, SolverStarted):
        return SolverFinished(intent.explore_id, why, charge)
    if isinstance(intent, QuestionAsked):
        return QuestionFailed(intent.number, why, charge)
    return OrchestratorFailed(intent.turn, why, charge)


class _Further(NamedTuple):
    """Whether a call is made again: from when on, or why it is not."""

    not_before: float = 0.0
    why_not: str | None = None


def _further(state: RunState, call: Call, opened: OpenCall, end: NoReply, now: float) -> _Further:
    """Return whether a call is made again after an attempt; money is not looked at.

    An attempt that a stop broke off is made again where the stop has been lifted meanwhile.
    """
    if is_cut_off(state, call) or end.cause not in ("unavailable", "stopped"):
        return _Further(why_not="")
    if end.cause == "stopped":
        return _Further(max(now, opened.not_before))
    retry_after = seconds_of(end.retry_after)
    wait = state.spec.retries.delay(
        opened.attempt,
        retry_after,
        chance=chance_of(call_key(call.intent), opened.attempt, state.opened_at),
    )
    why_not = why_no_further_attempt(
        state.spec.retries,
        opened.attempt,
        retry_after=retry_after,
        wait=wait,
        left=deadline_of(state, call) - now,
    )
    return _Further(now + wait, why_not)


def _failure(state: RunState, call: Call, arrived: NoReply, reason: str = "") -> SolverFailure:
    """Return why a call gave no reply.

    Args:
        state: The run.
        call: The call.
        arrived: The end of its last attempt.
        reason: Why no further attempt is made, where that is to be told.
    """
    if arrived.cause == "aborted" and not is_cut_off(state, call):
        return failure("timeout", late_text(state, call))
    if arrived.cause in ("aborted", "stopped"):
        stopped = "question" if isinstance(call, AskQuestion) else "run"
        what = f"the {stopped} was stopped while this call was open"
        return failure("cancelled", what, given_up=reason)
    why = failure(
        _KINDS.get(arrived.cause, "malformed"), arrived.message, given_up=reason or arrived.given_up
    )
    request_id = arrived.request_id
    return replace(
        why,
        model=text_of(arrived.model, MAX_NAME_CHARS),
        request_id=None if request_id is None else text_of(request_id, MAX_NAME_CHARS),
    )


def _bears(state: RunState, charge: Charge) -> bool:
    """Return whether the cap bears another attempt beside what the last one may have cost."""
    available = state.ledger.available
    return available is None or (charge.cost or FREE) + charge.uncertain <= available


def _charge_without_reply(spec: ModelSpec, call: Call, arrived: NoReply) -> Charge:
    """Return the charge of an attempt, with the most that may be billed beyond its counts.

    The attempt's hold bounds its price: see `atlas.holds`. A count of its input bounds it closer.
    """
    charge = charge_of(arrived)
    counted_nothing = charge.usage == Usage(charge.usage.requests)
    if arrived.complete:
        # An attempt that counted nothing cost nothing that is known, whatever its price.
        return replace(charge, cost=charge.cost or FREE) if counted_nothing else charge
    if spec.price is None:
        return replace(charge, cost=None)
    most = call.intent.hold_usd
    if charge.usage.input_tokens:
        read = charge.usage.input_tokens
        most = min(most, spec.price.of(input_tokens=read, output_tokens=call.request.max_tokens))
    return replace(charge, uncertain=max(FREE, most - (charge.cost or FREE)))
