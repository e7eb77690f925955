"""Reading the orchestrator's reply: explores it wants, an answer, or neither.

Owns the step from a model's reply to typed decisions. The policy then grants or refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from atlas_mcp.atlas.answers import read_answer
from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.explore import (
    Explore,
    confidence_of,
    incomplete,
)
from atlas_mcp.atlas.explore_arguments import ExploreFault, parse_explore
from atlas_mcp.atlas.messages import Json, Reply
from atlas_mcp.atlas.orchestrator_schemas import SAME_ANSWERS
from atlas_mcp.atlas.prompts import EXPLORE_TOOL
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.same_answers import read_same_answers
from atlas_mcp.atlas.storable import in_sentence, text_of
from atlas_mcp.atlas.written_calls import written_calls
from atlas_mcp.atlas.written_json import read_object, without_thinking

_ANSWER_KEYS = ("explanation", "answer")


@dataclass(frozen=True, slots=True)
class WantedExplore:
    """A wanted explore. `call_id` is `None` for an orchestrator without tools."""

    call_id: str | None
    explore: Explore


@dataclass(frozen=True, slots=True)
class BadCall:
    """A tool call whose arguments cannot be used."""

    call_id: str | None
    fault: str


@dataclass(frozen=True, slots=True)
class Wants:
    """The orchestrator goes on exploring."""

    calls: tuple[WantedExplore | BadCall, ...]


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The orchestrator stops. `answer` is `None` where no answer is supported.

    `same_answers` are sets of numbers that it says give the same answer: see `atlas.same_answers`.
    """

    answer: Json
    explanation: str
    confidence: float | None
    dissent: str | None
    same_answers: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The reply is neither. `final` if a second request would get the same reply."""

    fault: str
    final: bool = False


Decision: TypeAlias = Wants | Synthesis | Unreadable


def read_decision(
    replied: OrchestratorReplied, spec: RunSpec, answer_schema: Mapping[str, Json] | None
) -> Decision:
    """Return the orchestrator's decision."""
    if replied.reply.tool_calls and replied.stop == "tool_calls":
        return Wants(
            tuple(
                BadCall(c.id, c.fault) if c.fault else _call(c.id, c.name, c.arguments, spec)
                for c in replied.reply.tool_calls
            )
        )
    failure = incomplete(Reply(replied.reply, replied.stop, replied.charge, replied.detail))
    if failure is not None:
        return Unreadable(failure.message, final=failure.kind == "refused")
    text = without_thinking(replied.reply.text)
    found = read_object(text, _ANSWER_KEYS)
    if isinstance(found, dict) and _is_answer(found):
        # A call that is quoted in an answer, or written before it, is not made.
        return _synthesis(found, answer_schema)
    called = written_calls(text, EXPLORE_TOOL)
    if any(arguments is not None for arguments in called):
        return Wants(tuple(_written(arguments, spec) for arguments in called))
    if called:
        return Unreadable("the arguments of its call are not JSON")
    if isinstance(found, str):
        return Unreadable(found)
    if found.get("action") == "explore":
        return Wants((_call(None, EXPLORE_TOOL, found, spec),))
    return _synthesis(found, answer_schema)


def _is_answer(found: Mapping[str, Any]) -> bool:
    return all(key in found for key in _ANSWER_KEYS) and found.get("action") != "explore"


def _written(arguments: Mapping[str, Json] | None, spec: RunSpec) -> WantedExplore | BadCall:
    if arguments is None:
        return BadCall(None, "its arguments are not JSON")
    return _call(None, EXPLORE_TOOL, arguments, spec)


def _call(
    call_id: str | None, name: str, arguments: Mapping[str, Any], spec: RunSpec
) -> WantedExplore | BadCall:
    if name != EXPLORE_TOOL:
        return BadCall(
            call_id, f"there is no tool {in_sentence(name)}; the only one is {EXPLORE_TOOL!r}"
        )
    explore = parse_explore(arguments, spec, drops_efforts=True)
    if isinstance(explore, ExploreFault):
        return BadCall(call_id, f"`{explore.argument}`: {explore.rule}")
    return WantedExplore(call_id, explore)


def _synthesis(
    found: Mapping[str, Any], answer_schema: Mapping[str, Json] | None
) -> Synthesis | Unreadable:
    if "answer" not in found:
        return Unreadable("it has no `answer`")
    answer = found["answer"]
    if found.get("supported") is False or (answer is None and answer_schema is None):
        answer = None
    else:
        answer, wrong = read_answer(answer, answer_schema)
        if wrong is not None:
            return Unreadable(f"`answer` does not fit the asked-for shape: {wrong}")
        if isinstance(answer, str) and not answer.strip():
            return Unreadable("`answer` is empty")
    dissent = found.get("dissent")
    return Synthesis(
        answer=answer,
        explanation=text_of(found.get("explanation") or ""),
        confidence=confidence_of(found),
        dissent=dissent if isinstance(dissent, str) and dissent.strip() else None,
        same_answers=read_same_answers(found.get(SAME_ANSWERS)),
    )
