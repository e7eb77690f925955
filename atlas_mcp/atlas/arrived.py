"""A reply as it arrived, in a form that can always be stored and read back.

Takes any value: an adapter, or the vendor behind it, may return one that no codec reads. Owns the
bounds of a reply's size and the check of its charge. Pure and total: nothing here raises, and
nothing reads the meaning of a reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import cast, get_args

from atlas_mcp.atlas.events import OrchestratorReplied, SolverReplied
from atlas_mcp.atlas.messages import AssistantTurn, Json, ReplyEnd, ToolCall
from atlas_mcp.atlas.question_events import QuestionReplied
from atlas_mcp.atlas.storable import (
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    Allowance,
    count_of,
    dollars_of,
    failure_text,
    is_small,
    plain,
    text_of,
    unique_id,
)
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Usage

MAX_TOOL_CALLS = 1_000
"""Tool calls of one reply that are kept. Our own choice: ten times the most explores of a run."""

LIGHT_VALUES = 2_000
"""Values of a reply that the event loop has time for: some milliseconds."""

LIGHT_CHARS = 50_000
"""Characters of such a reply: reading a candidate's longest text takes some hundredths."""

_REPLY_ENDS: tuple[ReplyEnd, ...] = get_args(ReplyEnd)

_COUNTS = tuple(field.name for field in fields(Usage))


def solver_replied(
    explore_id: int, arrived: object, *, before: Charge = NO_CHARGE
) -> SolverReplied:
    """Return the event of a solver's reply, in a form that can be stored and read back.

    Args:
        explore_id: The explore.
        arrived: The adapter's reply, which may be any value.
        before: The charge of failed attempts of the call.
    """
    turn, end = _turn(arrived, verbatim=False)
    return SolverReplied(explore_id, turn, end, _detail(arrived), before + charge_of(arrived))


def orchestrator_replied(
    turn_number: int, arrived: object, *, before: Charge = NO_CHARGE
) -> OrchestratorReplied:
    """Return the event of the orchestrator's reply: see `solver_replied`."""
    turn, end = _turn(arrived, verbatim=True)
    return OrchestratorReplied(
        turn_number, turn, end, _detail(arrived), before + charge_of(arrived)
    )


def question_replied(
    number: int, arrived: object, *, before: Charge = NO_CHARGE
) -> QuestionReplied:
    """Return the event of the reply to a question: see `solver_replied`."""
    turn, end = _turn(arrived, verbatim=False)
    return QuestionReplied(number, turn, end, _detail(arrived), before + charge_of(arrived))


def is_light(arrived: object) -> bool:
    """Return whether a reply takes no longer than the event loop can wait.

    Args:
        arrived: A reply, or a turn of one; else it is short.
    """
    turn = getattr(arrived, "turn", arrived)
    if not isinstance(turn, AssistantTurn):
        return True
    return is_small(turn, values=LIGHT_VALUES, chars=LIGHT_CHARS)


def charge_of(arrived: object) -> Charge:
    """Return the charge of a call, each part only if it is believable."""
    charge = getattr(arrived, "charge", None)
    usage = getattr(charge, "usage", None)
    return believed_charge(
        {name: getattr(usage, name, None) for name in _COUNTS},
        cost=getattr(charge, "cost", None),
        uncertain=getattr(charge, "uncertain", None),
    )


def believed_charge(counts: Mapping[str, object], *, cost: object, uncertain: object) -> Charge:
    """Return a charge with 0 for every count that is not believable; its cost is then unknown.

    Args:
        counts: The requests and tokens, by the names that `Usage` has for them.
        cost: US dollars; an amount that is not believable is unknown.
        uncertain: US dollars beyond `cost`; with an amount that is not believable the cost is
            unknown too.
    """
    believed = {name: count_of(counts.get(name)) for name in _COUNTS}
    dollars, beyond = dollars_of(cost), dollars_of(uncertain)
    if None in believed.values() or beyond is None:
        dollars = None
    usage = Usage(**{name: count or 0 for name, count in believed.items()})
    return Charge(usage, dollars, beyond or FREE)


def _turn(arrived: object, *, verbatim: bool) -> tuple[AssistantTurn, ReplyEnd]:
    turn = getattr(arrived, "turn", None)
    text = getattr(turn, "text", None)
    end = getattr(arrived, "end", None)
    if isinstance(text, str) and len(text) > MAX_TEXT_CHARS:
        end = "too_long"
    calls = _tool_calls(getattr(turn, "tool_calls", ()), Allowance())
    kept = plain(getattr(turn, "verbatim", None)) if verbatim else None
    return AssistantTurn(text_of(text), calls, kept), end if end in _REPLY_ENDS else "end"


def _tool_calls(calls: object, allowance: Allowance) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list | tuple):
        return ()
    found: dict[str, ToolCall] = {}
    for call in cast("list[object]", calls)[:MAX_TOOL_CALLS]:
        name = unique_id(getattr(call, "id", None), found, len(found))
        found[name] = _tool_call(call, name, allowance)
    return tuple(found.values())


def _tool_call(call: object, name: str, allowance: Allowance) -> ToolCall:
    arguments: Json = plain(getattr(call, "arguments", None), allowance)
    fault = getattr(call, "fault", None)
    if allowance.is_full:
        arguments, fault = {}, "its arguments are lost: those of its reply together are too long"
    if not isinstance(arguments, dict):
        arguments, fault = {}, fault or "its arguments are no JSON object"
    return ToolCall(
        id=name,
        name=text_of(getattr(call, "name", None), MAX_NAME_CHARS),
        arguments=cast("dict[str, Json]", arguments),
        fault=failure_text(fault) if fault else None,
    )


def _detail(arrived: object) -> str:
    return failure_text(getattr(arrived, "detail", None))
