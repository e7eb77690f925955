"""The features of a request that an endpoint accepts, where endpoints of one API differ.

Owns the traits, the rewriting of a request for an endpoint that lacks some of them, and the error
messages by which an endpoint refuses one. One mechanism for every adapter: a trait is declared in
the configuration, or found out by a probe, or learnt from a refused call, which costs nothing.
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
from atlas_mcp.atlas.solver_prompts import shape_text
from atlas_mcp.atlas.usage import NO_CHARGE, Usage
from atlas_mcp.errors import ModelError, ModelRejected
from atlas_mcp.feature_values import EchoReasoning
from atlas_mcp.models.endpoint import endpoint_of

logger = logging.getLogger(__name__)

REASONING = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message of Chat Completions that hold a model's thinking, apart from its answer.
Source: DeepSeek and vLLM, OpenRouter, Mistral and LM Studio (read 2026-11)."""

_REASONING_FIELDS = frozenset({*REASONING, "reasoning_details", "thinking_blocks"})
"""The same fields, and those that accompany them at OpenRouter and in LiteLLM."""

_REASONING_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Types of the message parts that hold thinking: of the Messages API, and of Mistral."""


@dataclass(frozen=True, slots=True)
class AcceptedFeatures:
    """The features of a request that an endpoint accepts.

    Attributes:
        stream_options: Whether a stream may be asked to report token counts.
        system_role: Whether the system prompt may have a role of its own.
        echo_reasoning: The earlier turns that are sent back with the model's thinking.
        schema: Whether the endpoint can hold a reply to a JSON schema.
        effort: Whether the request may name an effort.
        thinking: Whether the request may turn thinking on or off.
    """

    stream_options: bool = True
    system_role: bool = True
    echo_reasoning: EchoReasoning = "as_sent"
    schema: bool = True
    effort: bool = True
    thinking: bool = True


ALL_FEATURES = AcceptedFeatures()


def accepted_features(spec: ModelSpec) -> AcceptedFeatures:
    """Return the features that the endpoint of a model is known to accept."""
    endpoint = endpoint_of(spec)
    return AcceptedFeatures(
        system_role=endpoint.system_role, echo_reasoning=endpoint.echo_reasoning
    )


TRAITS = frozenset(one.name for one in fields(AcceptedFeatures))

_Step: TypeAlias = Callable[[AcceptedFeatures, ModelRequest], AcceptedFeatures | None]
"""Drops one feature from the accepted ones; returns `None` if the request did not use it."""


def as_accepted(request: ModelRequest, takes: AcceptedFeatures) -> ModelRequest:
    """Return a request as an endpoint accepts it, with its schema as it is.

    For endpoints that hold no schema, `with_schema_in_prompt` comes after this.
    """
    turns: tuple[Turn, ...] = tuple(_echoing(turn, takes.echo_reasoning) for turn in request.turns)
    request = replace(request, turns=turns, effort=request.effort if takes.effort else None)
    return request if takes.system_role else _without_system(request)


def with_schema_in_prompt(request: ModelRequest) -> ModelRequest:
    """Return a request whose last turn describes the schema in words, in place of the schema."""
    if request.schema is None:
        return request
    *earlier, last = request.turns
    assert isinstance(last, UserTurn), "a conversation ends with a user turn"
    asked = Text(shape_text(request.schema, tools=bool(request.tools)))
    return replace(request, schema=None, turns=(*earlier, UserTurn((*last.parts, asked))))


def holds_reasoning(turn: AssistantTurn) -> bool:
    """Return whether a turn, as its endpoint sent it, holds the model's thinking."""
    message = _message(turn)
    return any(message.get(key) for key in _REASONING_FIELDS) or any(map(_thinks, _parts(message)))


def without_reasoning(turn: AssistantTurn) -> AssistantTurn:
    """Return a turn without the model's thinking."""
    message = _message(turn)
    if not message:
        return turn
    kept = {key: value for key, value in message.items() if key not in _REASONING_FIELDS}
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [part for part in cast("list[Json]", content) if not _thinks(part)]
    return replace(turn, verbatim=kept)


def _with_reasoning(turn: AssistantTurn) -> AssistantTurn:
    """Return a turn with the model's thinking, which is empty text where the model sent none."""
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
    """Return a request whose system prompt is the first text of the first user turn."""
    if not request.system:
        return request
    first, *further = request.turns
    assert isinstance(first, UserTurn), "a conversation begins with a user turn"
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


def narrowed(
    takes: AcceptedFeatures, message: str, request: ModelRequest
) -> AcceptedFeatures | None:
    """Return the features to try after a refusal, `None` if its message names none of them.

    Args:
        takes: The features that the refused request used.
        message: The endpoint's error message.
        request: The request that was refused.
    """
    for named, step in _REFUSALS:
        if named.search(message) and (other := step(takes, request)) is not None:
            return other
    return None


def _no_question(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    return replace(takes, stream_options=False) if takes.stream_options else None


def _no_system(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    wanted = takes.system_role and bool(request.system)
    return replace(takes, system_role=False) if wanted else None


def _no_shape(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    wanted = takes.schema and request.schema is not None
    return replace(takes, schema=False) if wanted else None


def _no_effort(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    wanted = takes.effort and request.effort is not None
    return replace(takes, effort=False) if wanted else None


def _no_output_config(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    other = _no_shape(takes, request) or takes
    other = _no_effort(other, request) or other
    return None if other == takes else other


def _no_thinking(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    return replace(takes, thinking=False) if takes.thinking else None


def _more_reasoning(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    wanted = takes.echo_reasoning != "always" and any(_replies_in(request))
    return replace(takes, echo_reasoning="always") if wanted else None


def _less_reasoning(takes: AcceptedFeatures, request: ModelRequest) -> AcceptedFeatures | None:
    """Echo less thinking: some endpoints refuse it everywhere, some only outside of tool calls."""
    turns = [_echoing(turn, takes.echo_reasoning) for turn in _replies_in(request)]
    held = [turn for turn in turns if isinstance(turn, AssistantTurn) and holds_reasoning(turn)]
    if not held:
        return None
    some = any(turn.tool_calls for turn in held) and not all(turn.tool_calls for turn in held)
    return replace(takes, echo_reasoning="tool_calls" if some else "never")


def _replies_in(request: ModelRequest) -> Iterator[AssistantTurn]:
    return (turn for turn in request.turns if isinstance(turn, AssistantTurn))


_UNKNOWN = (
    r"(?:not (?:be )?(?:permitted|supported|allowed|available)|does not (?:support|accept)|doesn't "
    r"support|no support|unsupported|unavailable|unknown|unrecogni[sz]ed|unexpected|invalid param"
    r"|extra (?:inputs|fields?)|does not match any of the expected)"
)
"""How endpoints say that they do not know a parameter, whatever its value."""


def _either_way(name: str) -> str:
    """Return a pattern of a name with, before or behind it, a statement that it is not known."""
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
    # qwen-code#11045 (Cerebras): refused without a reason. A conversation may hold thinking, which
    # no probe's request does.
    (_refusal(r"refuses the request(?:: status [0-9]{3}| \(no body\))?$"), _less_reasoning),
    # litellm#21407 (Vertex), hindsight#3300, litellm#27074. An error in a schema itself must not
    # match.
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
"""Patterns of error messages, each with the step that drops the refused feature. A refused call
costs nothing and a needless retry only time, so the patterns are generous. Source: public reports,
read 2026-11."""

_KEYS = {
    "stream_options": "stream_options",
    "system_role": "system_role",
    "echo_reasoning": "echo_reasoning",
    "schema": "schema",
    "effort": "efforts",
}
"""The key of a configuration entry that declares each trait."""


@dataclass(slots=True)
class RefusedFeatures:
    """The features that endpoints behind one address refused, by model and its declared ones."""

    _known: dict[tuple[str, AcceptedFeatures], AcceptedFeatures] = field(
        default_factory=dict[tuple[str, AcceptedFeatures], AcceptedFeatures], init=False
    )

    async def ask(
        self,
        model: str,
        declared: AcceptedFeatures,
        request: ModelRequest,
        call: Callable[[AcceptedFeatures], Awaitable[Reply]],
        *,
        asks_for: Collection[str] = TRAITS,
    ) -> Reply:
        """Make a call, and retry without each refused feature as long as refusals cost nothing.

        Args:
            model: The model, by its name.
            declared: The features that the model's endpoint is known to accept.
            request: The request.
            call: Sends the request to an endpoint that accepts the given features.
            asks_for: The traits that may be dropped; a refusal of any other is raised.

        Raises:
            ModelError: The call failed, or was refused for another reason.
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

    def _keep(self, model: str, declared: AcceptedFeatures, takes: AcceptedFeatures) -> None:
        if takes == self._known.get((model, declared), declared):
            return
        self._known[model, declared] = takes
        changed = sorted(_changed(declared, takes))
        keys = [f"`{_KEYS[name]}`" for name in changed if name in _KEYS]
        hint = f"; {', '.join(keys)} of its entry can say so" if keys else ""
        logger.warning(
            "%s is asked without features that it refuses: %s%s", model, ", ".join(changed), hint
        )


def _changed(before: AcceptedFeatures, after: AcceptedFeatures) -> set[str]:
    return {name for name in TRAITS if getattr(before, name) != getattr(after, name)}


def _is_free(error: ModelError) -> bool:
    """Return whether a failed call was refused before it consumed anything."""
    charge = error.charge or NO_CHARGE
    only_requests = charge.usage == Usage(requests=charge.usage.requests)
    return error.complete and not charge.cost and only_requests
