"""What of a request an endpoint takes, where endpoints of one API differ.

Owns the traits, how a request is made without what is not taken, and how a refusal names it. One
mechanism for every adapter: a trait is declared, or found out by asking, or learnt from a refusal,
which costs nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeAlias, cast

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Json,
    ModelRequest,
    Reply,
    Text,
    Turn,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.prompts import shape_text
from atlas_mcp.atlas.usage import NO_CHARGE, Usage
from atlas_mcp.errors import ModelError, ModelRejected
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.presets import EchoReasoning

logger = logging.getLogger(__name__)

REASONING = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message of Chat Completions that hold a model's thinking, apart from what it says.
Source: DeepSeek and vLLM, OpenRouter, Mistral and LM Studio (read 2026-11)."""

_REASONING_FIELDS = frozenset({*REASONING, "reasoning_details", "thinking_blocks"})
"""The same with what goes along with them: OpenRouter's and LiteLLM's."""

_REASONING_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Types of the parts of a message that hold it: of the Messages API, and of Mistral."""


@dataclass(frozen=True, slots=True)
class Takes:
    """What an endpoint takes of a request.

    Attributes:
        stream_options: The question for counts in a stream.
        system_role: The system prompt as one.
        echo_reasoning: In which earlier turns a model is sent back what it thought.
        schema: That a reply is held to a shape.
        effort: How hard to try.
        thinking: Whether to think.
    """

    stream_options: bool = True
    system_role: bool = True
    echo_reasoning: EchoReasoning = "as_sent"
    schema: bool = True
    effort: bool = True
    thinking: bool = True


EVERYTHING = Takes()


def takes_of(spec: ModelSpec) -> Takes:
    """Return what the endpoint of a model is known to take."""
    endpoint = endpoint_of(spec)
    return Takes(system_role=endpoint.system_role, echo_reasoning=endpoint.echo_reasoning)


TRAITS = frozenset(one.name for one in fields(Takes))

_Step: TypeAlias = Callable[[Takes, ModelRequest], Takes | None]
"""From what was sent to what may be sent instead; `None` where it was not sent."""


def fitted(request: ModelRequest, takes: Takes) -> ModelRequest:
    """Return a request as an endpoint takes it, but for its schema: see `in_words`."""
    turns: tuple[Turn, ...] = tuple(_echoing(turn, takes.echo_reasoning) for turn in request.turns)
    request = replace(request, turns=turns, effort=request.effort if takes.effort else None)
    return request if takes.system_role else _without_system(request)


def in_words(request: ModelRequest) -> ModelRequest:
    """Return a request that asks in words for the shape that its schema gives a reply."""
    if request.schema is None:
        return request
    *earlier, last = request.turns
    assert isinstance(last, UserTurn), "a conversation ends with a turn of ours"
    asked = Text(shape_text(request.schema, tools=bool(request.tools)))
    return replace(request, schema=None, turns=(*earlier, UserTurn((*last.parts, asked))))


def holds_reasoning(turn: AssistantTurn) -> bool:
    """Return whether a turn, as its endpoint sent it, holds what the model thought."""
    message = _message(turn)
    return any(message.get(key) for key in _REASONING_FIELDS) or any(map(_thinks, _parts(message)))


def without_reasoning(turn: AssistantTurn) -> AssistantTurn:
    """Return a turn without what the model thought."""
    message = _message(turn)
    if not message:
        return turn
    kept = {key: value for key, value in message.items() if key not in _REASONING_FIELDS}
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [part for part in cast("list[Json]", content) if not _thinks(part)]
    return replace(turn, verbatim=kept)


def _with_reasoning(turn: AssistantTurn) -> AssistantTurn:
    """Return a turn that says what the model thought, if only that it was nothing."""
    message = _message(turn)
    content = message.get("content")
    if not message or any(map(_thinks, _parts(message))):
        return turn
    if isinstance(content, list):
        nothing: Json = {"type": "thinking", "thinking": "", "signature": ""}
        return replace(turn, verbatim={**message, "content": [nothing, *content]})
    thought = next((message[key] for key in REASONING if message.get(key)), "")
    return replace(turn, verbatim={**message, REASONING[0]: thought})


def _echoing(turn: Turn, echo: EchoReasoning) -> Turn:
    if not isinstance(turn, AssistantTurn) or echo == "as_sent":
        return turn
    wanted = echo == "always" or (echo == "tool_calls" and bool(turn.tool_calls))
    return _with_reasoning(turn) if wanted else without_reasoning(turn)


def _without_system(request: ModelRequest) -> ModelRequest:
    """Return a request whose system prompt stands before the first turn of ours."""
    if not request.system:
        return request
    first, *further = request.turns
    assert isinstance(first, UserTurn), "a conversation begins with a turn of ours"
    opened = UserTurn((Text(request.system), *first.parts))
    return replace(request, system="", turns=(opened, *further))


def _message(turn: AssistantTurn) -> Mapping[str, Json]:
    message = turn.verbatim
    return cast("Mapping[str, Json]", message) if isinstance(message, Mapping) else {}


def _parts(message: Mapping[str, Json]) -> list[Json]:
    content = message.get("content")
    return cast("list[Json]", content) if isinstance(content, list) else []


def _thinks(part: Json) -> bool:
    return isinstance(part, Mapping) and (
        cast("Mapping[str, Json]", part).get("type") in _REASONING_PARTS
    )


def narrowed(takes: Takes, said: str, request: ModelRequest) -> Takes | None:
    """Return what may be taken of a request that was refused, `None` where nothing is known.

    Args:
        takes: As which it was sent.
        said: The words in which it was refused.
        request: What was asked.
    """
    for named, step in _REFUSALS:
        if named.search(said) and (other := step(takes, request)) is not None:
            return other
    return None


def _no_question(takes: Takes, request: ModelRequest) -> Takes | None:
    return replace(takes, stream_options=False) if takes.stream_options else None


def _no_system(takes: Takes, request: ModelRequest) -> Takes | None:
    wanted = takes.system_role and bool(request.system)
    return replace(takes, system_role=False) if wanted else None


def _no_shape(takes: Takes, request: ModelRequest) -> Takes | None:
    wanted = takes.schema and request.schema is not None
    return replace(takes, schema=False) if wanted else None


def _no_effort(takes: Takes, request: ModelRequest) -> Takes | None:
    wanted = takes.effort and request.effort is not None
    return replace(takes, effort=False) if wanted else None


def _no_output_config(takes: Takes, request: ModelRequest) -> Takes | None:
    other = _no_shape(takes, request) or takes
    other = _no_effort(other, request) or other
    return None if other == takes else other


def _no_thinking(takes: Takes, request: ModelRequest) -> Takes | None:
    return replace(takes, thinking=False) if takes.thinking else None


def _more_reasoning(takes: Takes, request: ModelRequest) -> Takes | None:
    wanted = takes.echo_reasoning != "always" and any(_said(request))
    return replace(takes, echo_reasoning="always") if wanted else None


def _less_reasoning(takes: Takes, request: ModelRequest) -> Takes | None:
    """Return the next smaller part: some refuse it everywhere, some only outside of tool calls."""
    turns = [_echoing(turn, takes.echo_reasoning) for turn in _said(request)]
    held = [turn for turn in turns if isinstance(turn, AssistantTurn) and holds_reasoning(turn)]
    if not held:
        return None
    some = any(turn.tool_calls for turn in held) and not all(turn.tool_calls for turn in held)
    return replace(takes, echo_reasoning="tool_calls" if some else "never")


def _said(request: ModelRequest) -> Iterator[AssistantTurn]:
    return (turn for turn in request.turns if isinstance(turn, AssistantTurn))


_UNKNOWN = (
    r"(?:not (?:be )?(?:permitted|supported|allowed|available)|does not (?:support|accept)|doesn't "
    r"support|no support|unsupported|unavailable|unknown|unrecogni[sz]ed|unexpected|invalid param"
    r"|extra (?:inputs|fields?)|does not match any of the expected)"
)
"""How endpoints say that they do not know a parameter, whatever its value."""


def _either_way(name: str) -> str:
    """Return a pattern of a name and, before or behind it, that it is not known."""
    return rf"(?:{name}.{{0,200}}{_UNKNOWN}|{_UNKNOWN}.{{0,100}}{name})"


def _refusal(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_REFUSALS: tuple[tuple[re.Pattern[str], _Step], ...] = (
    # opencode#4698 (Databricks).
    (_refusal(r"stream[_ ]options?\b|include_usage"), _no_question),
    # opencode#24083, #24791 (DeepSeek, in both APIs), kimi-cli (Moonshot).
    (
        _refusal(
            r"(?:reasoning|thinking).{0,100}(?:must be passed|is missing|is required)"
            r"|missing.{0,40}reasoning|must start with a thinking block"
        ),
        _more_reasoning,
    ),
    # DeepSeek's reasoner, jan#8136 (Groq), kilocode#10375 (Cerebras).
    (_refusal(r"reasoning(?:_content|_details)?\b|thinking_blocks"), _less_reasoning),
    (_refusal(r"messages\b.{0,60}thinking|thinking.{0,60}\bblocks?\b"), _less_reasoning),
    # qwen-code#11045 (Cerebras): without a word. The conversation may hold what no question does.
    (_refusal(r"refuses the request(?:: status [0-9]{3}| \(no body\))?$"), _less_reasoning),
    # litellm#21407 (Vertex), hindsight#3300, litellm#27074. A fault of a schema itself is none.
    (_refusal(r"output_config\.effort|\beffort parameter"), _no_effort),
    (_refusal(_either_way(r"output_(?:config\.)?format(?!\.schema)")), _no_shape),
    (_refusal(_either_way(r"output_config(?!\.)")), _no_output_config),
    (_refusal(_either_way(r"(?:response_format|json_schema|structured outputs?)")), _no_shape),
    (_refusal(_either_way(r"\b(?:adaptive|thinking(?:\.type)?)\b")), _no_thinking),
    # vllm#2964, sglang#892 (Gemma), new-api#989 (Google), OpenAI's o1-mini, MiniMax, and the chat
    # templates of Gemma and of the first Mistral models.
    (
        _refusal(
            r"system.{0,40}\b(?:role|message|prompt|instruction)|\brole\b.{0,60}\bsystem"
            r"|developer (?:instruction|message|role)|system_instruction"
            r"|only user and assistant roles|roles must alternate"
            r"|\brole\b.{0,80}'user' (?:or|and) 'assistant'"
            r"|\bsystem\b.{0,40}not (?:supported|permitted)"
        ),
        _no_system,
    ),
)
"""What a refusal names, and what is left out for it. A refused call costs nothing: one that is made
again in vain is lost time, so words are read generously. Read in public reports, 2026-11."""

_KEYS = {
    "stream_options": "stream_options",
    "system_role": "system_role",
    "echo_reasoning": "echo_reasoning",
    "schema": "schema",
    "effort": "efforts",
}
"""What declares a trait in an entry."""


@dataclass(slots=True)
class Learnt:
    """What endpoints behind one address have refused, by the model and what was known of it."""

    _known: dict[tuple[str, Takes], Takes] = field(
        default_factory=dict[tuple[str, Takes], Takes], init=False
    )

    async def ask(
        self,
        model: str,
        declared: Takes,
        request: ModelRequest,
        call: Callable[[Takes], Awaitable[Reply]],
        *,
        asks_for: Collection[str] = TRAITS,
    ) -> Reply:
        """Make a call, and again without what it is refused for, as long as that costs nothing.

        Args:
            model: The model, by its name.
            declared: What it is known to take.
            request: What to ask.
            call: Asks it of an endpoint that takes so much.
            asks_for: The traits of which a refusal is not to be heard by the caller.

        Raises:
            ModelError: It is refused for something else, or failed.
        """
        takes, refused = self._known.get((model, declared), declared), NO_CHARGE
        tried = {takes}
        while True:
            try:
                reply = await call(takes)
            except ModelError as error:
                other = narrowed(takes, error.message, request) if _is_free(error) else None
                if not isinstance(error, ModelRejected):
                    self._keep(model, declared, takes)
                if other is None or other in tried or not _changed(takes, other) <= set(asks_for):
                    error.charge = (error.charge or NO_CHARGE) + refused
                    raise
                refused += error.charge or NO_CHARGE
                tried.add(other)
                takes = other
            else:
                self._keep(model, declared, takes)
                return replace(reply, charge=reply.charge + refused)

    def _keep(self, model: str, declared: Takes, takes: Takes) -> None:
        if takes == self._known.get((model, declared), declared):
            return
        self._known[model, declared] = takes
        changed = sorted(_changed(declared, takes))
        keys = [f"`{_KEYS[name]}`" for name in changed if name in _KEYS]
        hint = f"; {', '.join(keys)} of its entry can say so" if keys else ""
        logger.warning("%s is asked without what it refuses: %s%s", model, ", ".join(changed), hint)


def _changed(before: Takes, after: Takes) -> set[str]:
    return {name for name in TRAITS if getattr(before, name) != getattr(after, name)}


def _is_free(error: ModelError) -> bool:
    """Return whether a failed call was refused before anything was done for it."""
    charge = error.charge or NO_CHARGE
    only_requests = charge.usage == Usage(requests=charge.usage.requests)
    return error.complete and not charge.cost and only_requests
