"""A request in the format of Chat Completions, for endpoints that accept different parameters.

Owns the choice of the parameters that an endpoint is sent. Does no I/O. It sends only parameters
that the endpoint is known to accept, as many endpoints refuse unknown ones. Earlier turns are
written the same way in every request of a conversation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never, cast

from atlas_mcp.atlas.messages import (
    EFFORTS,
    AssistantTurn,
    Effort,
    Image,
    Json,
    ModelRequest,
    Part,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.models.endpoint import endpoint_of

Message = dict[str, Any]
"""One message of Chat Completions."""

SCHEMA_NAME = "reply"
"""The name of a reply's schema; the API requires a name and does nothing with it."""

SILENCE = "(no reply)"
"""The content of a turn in which the model wrote nothing: some endpoints refuse an empty message,
and some refuse two user messages in a row."""

STRICT_KEYWORDS = frozenset(
    {
        "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum",
        "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maximum",
        "minItems", "minimum", "multipleOf", "pattern", "properties", "required", "title", "type",
    }
)  # fmt: skip
"""JSON Schema keywords that strict decoding accepts; others are written into the description.
Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas, 2026-11."""

_UNTOLD = frozenset({"$schema", "$id", "$comment", "default", "examples"})
"""Keywords that restrict no value, and are left out of strict schemas."""


def chat_params(spec: ModelSpec, request: ModelRequest, *, stream_usage: bool) -> dict[str, Any]:
    """Return the parameters of `chat.completions.create` for `request`, but for `stream`.

    Args:
        spec: The model and the features that its endpoint accepts.
        request: The request.
        stream_usage: Whether the endpoint must be asked to report token counts in the stream.
    """
    params: dict[str, Any] = {
        "model": spec.model.partition("/")[2],
        "messages": messages(request),
        endpoint_of(spec).max_tokens_field: request.max_tokens,
    }
    if stream_usage:
        params["stream_options"] = {"include_usage": True}
    if request.tools:
        # Not `parallel_tool_calls`: several endpoints refuse it, and the loop grants one explore
        # at a time by itself where it must.
        params["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.input_schema),
                },
            }
            for tool in request.tools
        ]
    shape = response_format(spec, request)
    if shape is not None:
        params["response_format"] = shape
    effort = request.effort and nearest_effort(request.effort, spec.efforts)
    if effort:
        params["reasoning_effort"] = effort
    if spec.temperature is not None:
        if request.temperature is not None:
            params["temperature"] = request.temperature
        if request.seed is not None:
            params["seed"] = request.seed % 2**31
    return params


def messages(request: ModelRequest) -> list[Message]:
    """Return the conversation, the system prompt first."""
    found: list[Message] = []
    if request.system:
        found.append({"role": "system", "content": request.system})
    for turn in request.turns:
        match turn:
            case UserTurn():
                found.extend(_user_messages(turn.parts))
            case AssistantTurn():
                found.append(_assistant_message(turn))
            case _:
                assert_never(turn)
    return found


def response_format(spec: ModelSpec, request: ModelRequest) -> dict[str, Any] | None:
    """Return the `response_format` that the endpoint is asked to enforce, `None` for none."""
    if request.schema is None or spec.schema_mode == "prompt":
        return None
    if request.tools and not spec.schema_with_tools:
        return None
    if spec.schema_mode == "json":
        return {"type": "json_object"}
    strict = strict_schema(request.schema)
    schema = dict(request.schema) if strict is None else strict
    return {
        "type": "json_schema",
        "json_schema": {"name": SCHEMA_NAME, "strict": strict is not None, "schema": schema},
    }


def nearest_effort(effort: Effort, taken: Sequence[Effort]) -> Effort | None:
    """Return `effort`, or the nearest accepted one below it, else the lowest accepted one."""
    if effort in taken:
        return effort
    rank = EFFORTS.index(effort)
    ordered: list[Effort] = sorted(taken, key=EFFORTS.index)
    below: list[Effort] = [one for one in ordered if EFFORTS.index(one) <= rank]
    if below:
        return below[-1]
    return ordered[0] if ordered else None


def strict_schema(schema: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return `schema` in the strict form: every property required and no others allowed.

    Constraints that strict decoding does not know are written into the description. `None` if the
    schema has no strict form: objects with properties of any name, values of any kind, or a choice
    at the top.
    """
    if "anyOf" in schema or schema.get("type") != "object":
        return None
    try:
        return _strict(dict(schema))
    except _NotStrictError:
        return None


class _NotStrictError(Exception):
    """A schema has no strict form."""


_COMPOSED = frozenset(
    {
        "oneOf", "allOf", "not", "if", "then", "else", "dependentSchemas", "patternProperties",
        "prefixItems", "$dynamicRef", "$anchor", "definitions",
    }
)  # fmt: skip


def _strict(node: dict[str, Json]) -> dict[str, Json]:
    if node.keys() & _COMPOSED:
        raise _NotStrictError
    if "$ref" in node:
        if not str(node["$ref"]).startswith("#") or node.keys() - _UNTOLD - {"$ref", "description"}:
            raise _NotStrictError
        return {"$ref": node["$ref"]}
    found = {key: value for key, value in node.items() if key in STRICT_KEYWORDS}
    bounds = {k: v for k, v in node.items() if k not in STRICT_KEYWORDS and k not in _UNTOLD}
    if bounds:
        constraints = json.dumps(bounds, ensure_ascii=False)
        found["description"] = " ".join(filter(None, (node.get("description"), constraints)))
    kinds = _kinds(node)
    if not kinds and not node.keys() & {"anyOf", "enum", "const"}:
        raise _NotStrictError
    if "object" in kinds:
        found |= {"type": node.get("type", "object"), **_strict_object(node)}
    if "array" in kinds:
        found["items"] = _strict_of(node.get("items"))
    if "anyOf" in node:
        found["anyOf"] = [_strict_of(one) for one in node["anyOf"]]
    if "$defs" in node:
        definitions = cast("dict[str, Json]", node["$defs"])
        found["$defs"] = {name: _strict_of(value) for name, value in definitions.items()}
    return found


def _strict_object(node: Mapping[str, Json]) -> dict[str, Json]:
    properties = cast("dict[str, Json]", node.get("properties", {}))
    if not properties or not isinstance(node.get("additionalProperties", False), bool):
        raise _NotStrictError
    if not properties.keys() >= set(cast("list[str]", node.get("required", ()))):
        # A required property without a schema could never be written.
        raise _NotStrictError
    return {
        "properties": {name: _strict_of(value) for name, value in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _strict_of(node: Json) -> Json:
    if not isinstance(node, dict):
        raise _NotStrictError
    return _strict(cast("dict[str, Json]", node))


def _kinds(node: Mapping[str, Json]) -> list[str]:
    """Return the types of a schema; one with properties is an object's even without a type."""
    kinds = node.get("type")
    if kinds is None:
        return ["object"] if "properties" in node else []
    return cast("list[str]", kinds) if isinstance(kinds, list) else [str(kinds)]


def _user_messages(parts: Sequence[Part]) -> list[Message]:
    """Return the messages of a user turn: first the results of tool calls, each in a message.

    Text after such results is put into the last of them, as several endpoints accept no user
    message right after a tool message.
    """
    results = [part for part in parts if isinstance(part, ToolResult)]
    rest = [part for part in parts if not isinstance(part, ToolResult)]
    found: list[Message] = [
        {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
        for result in results
    ]
    if not rest:
        return found
    pictures = any(isinstance(part, Image) for part in rest)
    if found and not pictures:
        found[-1]["content"] = "\n\n".join((found[-1]["content"], _joined(rest)))
    else:
        content = [_part(part) for part in rest] if pictures else _joined(rest)
        found.append({"role": "user", "content": content})
    return found


def _joined(parts: Sequence[Part]) -> str:
    return "\n\n".join(part.text for part in parts if not isinstance(part, Image) and part.text)


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "text", "text": part.text}


def _assistant_message(turn: AssistantTurn) -> Message:
    if turn.verbatim is not None:
        message = cast("Message", turn.verbatim)
        silent = not (message.get("content") or message.get("tool_calls"))
        return {**message, "content": SILENCE} if silent else message
    message: Message = {"role": "assistant", "content": turn.text}
    if not (turn.text or turn.tool_calls):
        message["content"] = SILENCE
    if turn.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for call in turn.tool_calls
        ]
    return message
