"""Stored records of replies that cannot be read back, made readable.

Before version 3 a reply was stored with values that no codec reads again: nested too deep, numbers
that are none, names that are numbers. The repaired record says that something is lost, and its run
goes on. Owns the repair of replies, failures and ends of runs; never touches other records, which
are damaged if they cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TypeAlias, cast

from atlas_mcp.atlas.arrived import believed_charge
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import plain, text_of, why_unstorable

Body: TypeAlias = dict[str, Any]
"""A record as JSON, without its place."""

LOST = "the record of it cannot be read back: {fault}"
"""The text in place of a lost part."""


def repairs_of(body: Body) -> Iterator[Body]:
    """Yield readable forms of a record, the one that keeps most of it first.

    Args:
        body: The record, in the shape of today's version; other records than those of replies,
            failures and ends have no repairs.
    """
    match body.get("type"):
        case "solver_finished" | "orchestrator_failed":
            key = "outcome" if body["type"] == "solver_finished" else "failure"
            charged = {**body, "charge": _charge(body.get("charge"))}
            fault = why_unstorable(charged.get(key)) or "it is no outcome"
            if why_unstorable(charged.get(key)) is None:
                yield {**charged, key: plain(charged.get(key))}
            yield {**charged, key: _failure(fault)}
        case "solver_replied" | "orchestrator_replied" | "question_replied":
            yield {
                **body,
                "charge": _charge(body.get("charge")),
                "reply": _reply(body.get("reply")),
                "detail": text_of(body.get("detail")),
            }
        case "question_failed":
            charged = {**body, "charge": _charge(body.get("charge"))}
            yield {**charged, "failure": _failure("it is no failure")}
        case "run_finished":
            fault = why_unstorable(body.get("answer")) or "it is no end of a run"
            # Failed, not answered: the run can then be resumed for the answer.
            lost = {"status": "failed", "stop_reason": "error", "answer": None}
            lost["error"] = _lost(fault)
            yield {**body, **lost}
            yield {"type": body["type"], **lost}
        case _:
            pass


def _charge(charge: Json) -> Body:
    """Return the charge of a call, as far as it is believable: see `atlas.arrived`."""
    given = cast("Body", charge) if isinstance(charge, dict) else {}
    usage = given.get("usage")
    believed = believed_charge(
        cast("Body", usage) if isinstance(usage, dict) else {},
        cost=given.get("cost"),
        uncertain=given.get("uncertain"),
    )
    return {
        "usage": asdict(believed.usage),
        "cost": None if believed.cost is None else str(believed.cost),
        "uncertain": str(believed.uncertain),
    }


def _failure(fault: str) -> Body:
    return {"kind": "malformed", "message": _lost(fault), "status": "failed"}


def _lost(fault: str) -> str:
    return LOST.format(fault=fault)


def _reply(reply: Json) -> Body:
    """Return a model's reply, as far as it can be sent back to the model."""
    turn = cast("Body", reply) if isinstance(reply, dict) else {}
    calls = turn.get("tool_calls")
    found = [
        cast("Body", call)
        for call in cast("list[Json]", calls if isinstance(calls, list) else [])
        if isinstance(call, dict)
    ]
    # The vendor's own message holds the same ids and names, so it is as broken as these are.
    named = all(isinstance(call.get(key), str) for call in found for key in ("id", "name"))
    return {
        "text": text_of(turn.get("text")),
        "tool_calls": [_tool_call(call, number) for number, call in enumerate(found)],
        "verbatim": plain(turn.get("verbatim")) if named else None,
        "role": "assistant",
    }


def _tool_call(call: Body, number: int) -> Body:
    arguments = plain(call.get("arguments"))
    fault = call.get("fault")
    return {
        "id": text_of(call.get("id")) or f"call-{number}",
        "name": text_of(call.get("name")),
        "arguments": arguments if isinstance(arguments, dict) else {},
        "fault": None if fault is None else text_of(fault),
    }
