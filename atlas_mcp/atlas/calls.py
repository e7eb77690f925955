"""A call's way into the record: what arrived, put down as it arrived; what it means, read later.

Owns both halves of the seam between doing and deciding, `arrived = perform(command)` and
`event = conclude(command, arrived)`. The first half takes in anything that an adapter can hand over
and makes an event of it that can be stored and read back; the second half is a function of the
record alone. Neither raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.codec import with_key
from atlas_mcp.atlas.endings import unsynthesized
from atlas_mcp.atlas.events import (
    Event,
    OrchestratorFailed,
    OrchestratorReplied,
    SolverFinished,
    SolverReplied,
)
from atlas_mcp.atlas.explore import Candidate, FailureKind, Outcome, SolverFailure, read_candidate
from atlas_mcp.atlas.messages import AssistantTurn, Json, Reply, Stop, ToolCall
from atlas_mcp.atlas.policy import ReadReply, decided
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import (
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    Room,
    count_of,
    dollars_of,
    is_small,
    plain,
    text_of,
    unique_id,
    words_of,
)
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Usage

MAX_TOOL_CALLS = 1_000
"""Tool calls of one reply that are kept. Our own choice: ten times the most explores of a run."""

LIGHT_VALUES = 2_000
"""Values of a reply that the event loop has time for: some milliseconds."""

LIGHT_CHARS = 50_000
"""Characters of such a reply: reading a candidate's longest text takes some hundredths."""

_STOPS: tuple[Stop, ...] = get_args(Stop)


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that gave no reply, and what it consumed all the same.

    Attributes:
        failure: Why.
        charge: What it consumed.
    """

    failure: SolverFailure
    charge: Charge = NO_CHARGE


def failure(kind: FailureKind, message: str) -> SolverFailure:
    """Return a failure whose message can be stored."""
    return SolverFailure(kind, words_of(message))


def is_light(arrived: object) -> bool:
    """Return whether a reply takes no longer than the event loop can wait.

    Args:
        arrived: A reply, or a turn of one; else it is short.
    """
    turn = getattr(arrived, "turn", arrived)
    if not isinstance(turn, AssistantTurn):
        return True
    return is_small(turn, values=LIGHT_VALUES, chars=LIGHT_CHARS)


def solver_ended(explore_id: int, arrived: object) -> SolverReplied | SolverFinished:
    """Return what is recorded when a solver's call has ended.

    Args:
        explore_id: The explore.
        arrived: A `Failed`, or else the adapter's reply, whatever that is.
    """
    if isinstance(arrived, Failed):
        failed = failure(arrived.failure.kind, arrived.failure.message)
        return SolverFinished(explore_id, failed, _charge(arrived))
    turn, stop = _turn(arrived, verbatim=False)
    return SolverReplied(explore_id, turn, stop, _detail(arrived), _charge(arrived))


def turn_ended(turn: int, arrived: object) -> OrchestratorReplied | OrchestratorFailed:
    """Return what is recorded when a call of the orchestrator has ended.

    Args:
        turn: Its number.
        arrived: A `Failed`, or else the adapter's reply, whatever that is.
    """
    if isinstance(arrived, Failed):
        failed = failure(arrived.failure.kind, arrived.failure.message)
        return OrchestratorFailed(turn, failed, _charge(arrived))
    said, stop = _turn(arrived, verbatim=True)
    return OrchestratorReplied(turn, said, stop, _detail(arrived), _charge(arrived))


def conclude(state: RunState, command: ReadReply) -> Event:
    """Return what follows from a reply that is on record: it is read here, and nowhere else.

    What is needed of an answer later is worked out here too: who calls this knows that reading may
    take long.

    Args:
        state: The run, with the reply unread.
        command: Whose reply.
    """
    if command.explore_id is None:
        turn = state.turns[-1]
        assert isinstance(turn.reply, OrchestratorReplied), "only a reply is to be read"
        return with_key(decided(state, turn, turn.reply))
    replied = _replied(state, command.explore_id)
    reply = Reply(replied.reply, replied.stop, replied.charge, replied.detail)
    outcome = read_candidate(reply, state.problem.answer_schema)
    if isinstance(outcome, Candidate) and state.spec.orchestrator is not None:
        prompts.write_answer(outcome)
    return with_key(_finished(replied, outcome))


def unconcluded(state: RunState, command: ReadReply, error: Exception) -> Event:
    """Return what is recorded in place of what `conclude` should have, and a bug kept it from."""
    what = f"could not be read because of a fault in atlas-mcp ({type(error).__name__})"
    if command.explore_id is None:
        return unsynthesized(state, "error", f"The orchestrator's reply {what}; it is on record.")
    failed = failure("malformed", f"the reply {what}; it is on record")
    return _finished(_replied(state, command.explore_id), failed)


def _replied(state: RunState, explore_id: int) -> SolverReplied:
    replied = state.explores[explore_id].reply
    assert replied is not None, "only a reply is to be read"
    return replied


def _finished(replied: SolverReplied, outcome: Outcome) -> SolverFinished:
    return SolverFinished(replied.explore_id, outcome, replied.charge)


def _charge(arrived: object) -> Charge:
    """Return what a call consumed, each part only if it is believable.

    A count that is no count makes the cost unknown, as does a cost that is none.
    """
    charge = getattr(arrived, "charge", None)
    usage = getattr(charge, "usage", None)
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    counts = [count_of(getattr(usage, name, None)) for name in names]
    requests = count_of(getattr(usage, "requests", None))
    cost = dollars_of(getattr(charge, "cost", None))
    uncertain = dollars_of(getattr(charge, "uncertain", None))
    if None in counts or requests is None or uncertain is None:
        cost = None
    counted = Usage(requests or 0, *(count or 0 for count in counts))
    return Charge(counted, cost, uncertain or FREE)


def _turn(arrived: object, *, verbatim: bool) -> tuple[AssistantTurn, Stop]:
    turn = getattr(arrived, "turn", None)
    text = getattr(turn, "text", None)
    stop = getattr(arrived, "stop", None)
    if isinstance(text, str) and len(text) > MAX_TEXT_CHARS:
        stop = "too_long"
    calls = _tool_calls(getattr(turn, "tool_calls", ()), Room())
    kept = plain(getattr(turn, "verbatim", None)) if verbatim else None
    return AssistantTurn(text_of(text), calls, kept), stop if stop in _STOPS else "end"


def _tool_calls(calls: object, room: Room) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list | tuple):
        return ()
    found: dict[str, ToolCall] = {}
    for call in cast("list[object]", calls)[:MAX_TOOL_CALLS]:
        name = unique_id(getattr(call, "id", None), found, len(found))
        found[name] = _tool_call(call, name, room)
    return tuple(found.values())


def _tool_call(call: object, name: str, room: Room) -> ToolCall:
    arguments: Json = plain(getattr(call, "arguments", None), room)
    fault = getattr(call, "fault", None)
    if room.is_full:
        arguments, fault = {}, "its arguments are lost: those of its reply together are too long"
    if not isinstance(arguments, dict):
        arguments, fault = {}, fault or "its arguments are no JSON object"
    return ToolCall(
        id=name,
        name=text_of(getattr(call, "name", None), MAX_NAME_CHARS),
        arguments=cast("dict[str, Json]", arguments),
        fault=words_of(fault) if fault else None,
    )


def _detail(arrived: object) -> str:
    return words_of(getattr(arrived, "detail", None))
