"""A request in the format of the Messages API.

Owns the places of cache breakpoints and the choice of parameters for a family. Does no I/O. Earlier
turns are written the same way in every request of a conversation, since the API accepts thinking
back only after the very prefix it was written for; only `cache_control` moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, assert_never, cast

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    Json,
    ModelRequest,
    Part,
    Text,
    ToolResult,
    UserTurn,
)
from atlas_mcp.models.claude.families import Family

Thinking: TypeAlias = Literal["auto", "off"]
"""`auto`: adaptive if the family accepts that. `off`: as little thinking as the family allows."""

Block: TypeAlias = dict[str, Any]
"""A content block of the Messages API."""

BREAKPOINTS = 4
"""Most cache breakpoints of one request. The API's documented limit; not tried on the real API."""

_EPHEMERAL = {"type": "ephemeral"}


def message_params(
    model_id: str,
    family: Family,
    request: ModelRequest,
    *,
    thinking: Thinking,
    transform_schema: Callable[[dict[str, Any]], dict[str, Any]],
    unsigned: bool = False,
) -> dict[str, Any]:
    """Return the parameters of `messages.create` for `request`.

    Args:
        model_id: The model, without its vendor.
        family: The features that the model accepts.
        request: The request.
        thinking: How to think where there is a choice.
        transform_schema: Rewrites a JSON Schema into a form that the API accepts.
        unsigned: Whether thinking without a signature is sent back. The API refuses that; some
            gateways sign nothing, and ask for all of it.

    Raises:
        ValueError: `request.schema` cannot be rewritten.
    """
    messages, marked = _messages(request, unsigned=unsigned)
    system: list[Block] = [_text(request.system)] if request.system else []
    _place_breakpoints(system, messages, marked)
    params: dict[str, Any] = {
        "model": model_id,
        "max_tokens": min(request.max_tokens, family.max_output),
        "messages": messages,
    }
    if system:
        params["system"] = system
    if request.tools:
        params |= _tools(request)
    thought = _thinking(family, thinking)
    if thought is not None:
        params["thinking"] = {"type": thought}
    output = _output_config(family, request, transform_schema)
    if output:
        params["output_config"] = output
    return params


def _tools(request: ModelRequest) -> dict[str, Any]:
    choice: dict[str, Any] = {"type": "auto"}
    if not request.parallel_tool_calls:
        choice["disable_parallel_tool_use"] = True
    tools = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": dict(tool.input_schema),
        }
        for tool in request.tools
    ]
    return {"tools": tools, "tool_choice": choice}


def _thinking(family: Family, thinking: Thinking) -> str | None:
    if thinking == "off":
        for least in ("disabled", "between_tools"):
            if least in family.thinking:
                return least
    return "adaptive" if "adaptive" in family.thinking else None


def _output_config(
    family: Family,
    request: ModelRequest,
    transform_schema: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    output: dict[str, Any] = {}
    effort = request.effort and family.nearest_effort(request.effort)
    if effort:
        output["effort"] = effort
    if request.schema is not None:
        try:
            schema = transform_schema(_without_type_lists(dict(request.schema)))
        # The rewriting has assertions, and raises various errors for an invalid schema.
        except (ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
            raise ValueError(f"it uses what cannot be expressed: {type(error).__name__}") from error
        output["format"] = {"type": "json_schema", "schema": schema}
    return output


def _without_type_lists(value: Json) -> Json:
    """Return a JSON Schema in which `type: [a, b]` is spelled as `anyOf`."""
    if isinstance(value, list):
        return [_without_type_lists(one) for one in cast("list[Json]", value)]
    if not isinstance(value, dict):
        return value
    schema = {
        key: one if key in {"enum", "const", "default", "examples"} else _without_type_lists(one)
        for key, one in cast("dict[str, Json]", value).items()
    }
    types = schema.get("type")
    if not isinstance(types, list):
        return schema
    variants = [_of_type(schema, one) for one in cast("list[Json]", types)]
    shared = {key: schema[key] for key in ("title", "description", "$defs") if key in schema}
    own = [{key: one for key, one in variant.items() if key not in shared} for variant in variants]
    return own[0] | shared if len(own) == 1 else {**shared, "anyOf": own}


_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties", "patternProperties"})
_OF_LISTS = frozenset({"items", "prefixItems", "minItems", "maxItems"})


def _of_type(schema: dict[str, Json], kind: Json) -> dict[str, Json]:
    """Return the part of a schema of several types that applies to one of them.

    Keywords for other types are left out: repeated for each type, they would double at each level.
    """
    foreign: set[str] = set()
    if kind != "object":
        foreign |= _OF_OBJECTS
    if kind != "array":
        foreign |= _OF_LISTS
    return {key: one for key, one in {**schema, "type": kind}.items() if key not in foreign}


def _messages(request: ModelRequest, *, unsigned: bool) -> tuple[list[dict[str, Any]], list[Block]]:
    """Return the messages, and the blocks whose text is marked for a breakpoint, in order."""
    messages: list[dict[str, Any]] = []
    marked: list[Block] = []
    for turn in request.turns:
        match turn:
            case UserTurn():
                blocks = _user_blocks(turn.parts, marked)
                if blocks:
                    messages.append({"role": "user", "content": blocks})
            case AssistantTurn():
                message = _assistant_message(turn, unsigned=unsigned)
                if message["content"]:
                    messages.append(message)
            case _:
                assert_never(turn)
    return messages, marked


def _user_blocks(parts: Sequence[Part], marked: list[Block]) -> list[Block]:
    blocks: list[Block] = []
    for part in parts:
        match part:
            case Text():
                if not part.text:  # the API refuses empty text
                    continue
                blocks.append(_text(part.text))
                if part.cache:
                    marked.append(blocks[-1])
            case Image():
                blocks.append({"type": "image", "source": _image_source(part)})
            case ToolResult():
                block: Block = {"type": "tool_result", "tool_use_id": part.call_id}
                if part.text:
                    block["content"] = part.text
                if part.is_error:
                    block["is_error"] = True
                blocks.append(block)
            case _:
                assert_never(part)
    return blocks


def _image_source(image: Image) -> dict[str, Any]:
    if image.url is not None:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": image.data}


def _assistant_message(turn: AssistantTurn, *, unsigned: bool) -> dict[str, Any]:
    if turn.verbatim is not None:
        message = cast("dict[str, Any]", turn.verbatim)
        content: Json = message.get("content")
        if unsigned or not isinstance(content, list):
            return message
        return {**message, "content": [one for one in cast("list[Block]", content) if _signed(one)]}
    blocks: list[Block] = [_text(turn.text)] if turn.text else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in turn.tool_calls
    ]
    return {"role": "assistant", "content": blocks}


def _signed(block: Block) -> bool:
    """Return whether the API accepts a block back; it refuses thinking that it did not sign."""
    return block.get("type") != "thinking" or bool(block.get("signature"))


def _place_breakpoints(
    system: list[Block], messages: list[dict[str, Any]], marked: list[Block]
) -> None:
    """Mark the ends of the prefixes worth caching: the marked ones, the system, the newest turn.

    The newest turn only where the conversation grows, as a prefix that is never read again costs a
    quarter more for nothing; the system only if the request caches at all.
    """
    wanted = list(marked)
    growing = any(message["role"] == "assistant" for message in messages)
    if growing and messages[-1]["role"] == "user":
        newest = messages[-1]["content"][-1]
        if not any(one is newest for one in wanted):
            wanted.append(newest)
    if not wanted:
        return
    room = BREAKPOINTS - len(system)
    if len(wanted) > room:
        wanted = [wanted[0], *wanted[len(wanted) - room + 1 :]]
    for block in (*system, *wanted):
        block["cache_control"] = _EPHEMERAL


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
