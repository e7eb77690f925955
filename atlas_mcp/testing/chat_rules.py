"""The request rules of endpoints of Chat Completions, for their stand-in.

Owns the checks and their error texts. Pure: a request body in, the first broken rule out. The kinds
of endpoint are in `chat_endpoints`, the rules for messages in `chat_messages`, those for schemas in
`chat_shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from atlas_mcp.testing.chat_endpoints import Body, ChatEndpoint, Takes
from atlas_mcp.testing.chat_errors import BrokenRule, ChatError
from atlas_mcp.testing.chat_messages import check_messages, check_turns
from atlas_mcp.testing.chat_shapes import strict_fault

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def refusal_of(
    body: object, headers: Mapping[str, str], endpoint: ChatEndpoint
) -> ChatError | None:
    """Return the endpoint's refusal of a request; `None` if it would accept it.

    Args:
        body: The decoded request body, of any shape.
        headers: The request headers, names in lower case.
        endpoint: The parameters that it takes.
    """
    refused = key_refusal(headers, endpoint)
    if refused is not None:
        return refused
    try:
        if not isinstance(body, dict):
            raise BrokenRule("We could not parse the JSON body of your request.")
        for check in _CHECKS:
            check(cast("dict[str, Any]", body), endpoint)
    except BrokenRule as broken:
        return broken.error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return ChatError(400, f"malformed: {type(error).__name__} {error}")
    return None


def key_refusal(headers: Mapping[str, str], endpoint: ChatEndpoint) -> ChatError | None:
    """Return the refusal of the key; `None` if it is right, or the endpoint needs none."""
    if endpoint.api_key is None:
        return None
    given = headers.get("authorization")
    if given is None:
        return ChatError(401, "You didn't provide an API key.")
    if given != f"Bearer {endpoint.api_key}":
        key = given.removeprefix("Bearer ")
        return ChatError(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")
    return None


def seen_by_model(body: Body, endpoint: ChatEndpoint) -> dict[str, Any]:
    """Return a request without the parameters that the endpoint ignores."""
    seen = dict(body)
    if endpoint.tools == "ignored":
        seen.pop("tools", None)
    wanted = seen.get("response_format")
    if wanted is not None and _held(wanted["type"], endpoint) == "ignored":
        del seen["response_format"]
    if endpoint.images == "ignored":
        seen["messages"] = [
            {**one, "content": _without_pictures(one.get("content"))} for one in body["messages"]
        ]
    return seen


def prompt_of(body: Body) -> str:
    """Return all text of a request's messages."""
    return "\n".join(text for message in body["messages"] for text in _texts(message))


def _held(kind: str, endpoint: ChatEndpoint) -> Takes:
    match kind:
        case "json_schema":
            return endpoint.json_schema
        case "json_object":
            return endpoint.json_object
        case _:
            return "yes"


def _without_pictures(content: object) -> object:
    if not isinstance(content, list):
        return content
    parts = cast("list[dict[str, Any]]", content)
    return [part for part in parts if part["type"] == "text"]


def _texts(message: Body) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in cast("list[dict[str, Any]]", content):
            if part["type"] == "text":
                yield part["text"]


def _check_parameters(body: Body, endpoint: ChatEndpoint) -> None:
    taken = {"model", "messages", "stream"} | endpoint.max_tokens_fields | endpoint.extra
    if endpoint.tools != "no":
        taken |= {"tools", "tool_choice"}
    if (endpoint.json_schema, endpoint.json_object) != ("no", "no"):
        taken.add("response_format")
    if endpoint.efforts != ():
        taken.add("reasoning_effort")
    if endpoint.stream_options:
        taken.add("stream_options")
    if endpoint.sampling:
        taken |= {"temperature", "seed", "top_p"}
    for name in body:
        if name in {"max_tokens", "max_completion_tokens"} - taken:
            other = next(iter(endpoint.max_tokens_fields))
            raise BrokenRule(
                f"Unsupported parameter: {name!r} is not supported with this model. "
                f"Use {other!r} instead.",
                param=name,
                code="unsupported_parameter",
            )
        if name not in taken:
            raise BrokenRule(f"Unrecognized request argument supplied: {name}", param=name)


def _check_model(body: Body, endpoint: ChatEndpoint) -> None:
    if endpoint.any_model:
        return
    if "model" not in body:
        raise BrokenRule("you must provide a model parameter")
    if body["model"] not in endpoint.models:
        raise BrokenRule(
            f"The model `{body['model']}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
        )


def _check_numbers(body: Body, endpoint: ChatEndpoint) -> None:
    for name in endpoint.max_tokens_fields & body.keys():
        wanted = body[name]
        if not isinstance(wanted, int) or wanted < 1:
            raise BrokenRule(f"Invalid {name!r}: must be at least 1", param=name)
        if wanted > endpoint.max_tokens:
            raise BrokenRule(
                f"{name} is too large: {wanted}. This model supports at most "
                f"{endpoint.max_tokens} completion tokens.",
                param=name,
            )
    effort = body.get("reasoning_effort")
    if effort is not None and endpoint.efforts is not None and effort not in endpoint.efforts:
        raise BrokenRule(
            f"Unsupported value: 'reasoning_effort' does not support {effort!r} with this model.",
            param="reasoning_effort",
            code="unsupported_value",
        )
    if "stream_options" in body and not body.get("stream"):
        raise BrokenRule("The 'stream_options' parameter is only allowed when 'stream' is enabled.")


def _check_tools(body: Body, endpoint: ChatEndpoint) -> None:
    del endpoint
    tools = body.get("tools")
    if tools is None:
        if "tool_choice" in body:
            raise BrokenRule("'tool_choice' is only allowed when 'tools' are specified.")
        return
    if not tools:
        raise BrokenRule("Invalid 'tools': empty array. Expected an array with minimum length 1.")
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if tool["type"] != "function":
            raise BrokenRule(f"Invalid value: {tool['type']!r}. '{where}.type' must be 'function'.")
        function = tool["function"]
        if not _NAME.fullmatch(function["name"]):
            raise BrokenRule(f"Invalid '{where}.function.name': string does not match pattern.")
        if function["parameters"].get("type") != "object":
            raise BrokenRule(f"Invalid schema for function: '{where}' must be of type 'object'.")


def _check_format(body: Body, endpoint: ChatEndpoint) -> None:
    wanted = body.get("response_format")
    if wanted is None:
        return
    kind = wanted["type"]
    if kind not in {"text", "json_object", "json_schema"} or _held(kind, endpoint) == "no":
        raise BrokenRule(
            f"Invalid parameter: 'response_format' of type {kind!r} is not supported with this "
            "model.",
            param="response_format",
        )
    if body.get("tools") and kind != "text" and not endpoint.schema_with_tools:
        raise BrokenRule(
            "Function calling with a response mime type: 'application/json' is unsupported"
        )
    if kind == "json_object" and "json" not in prompt_of(body).lower():
        raise BrokenRule(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'."
        )
    if kind == "json_schema":
        inner = wanted["json_schema"]
        if not _NAME.fullmatch(inner["name"]):
            raise BrokenRule("Invalid 'response_format.json_schema.name'")
        fault = strict_fault(inner["schema"]) if inner.get("strict") else None
        if fault is not None and endpoint.strict_rules:
            raise BrokenRule(
                f"Invalid schema for response_format {inner['name']!r}: {fault}.",
                param="response_format",
            )


_CHECKS: tuple[Callable[[Body, ChatEndpoint], None], ...] = (
    _check_parameters,
    _check_model,
    _check_numbers,
    _check_tools,
    check_messages,
    _check_format,
    check_turns,
)
