"""The request rules of endpoints of Chat Completions, for their stand-in.

Owns the checks and their error texts. Pure: a request body in, the first broken rule out. The kinds
of endpoint are in `chat_endpoints`, the rules for schemas in `chat_shapes`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from atlas_mcp.testing.chat_endpoints import Endpoint, Takes
from atlas_mcp.testing.chat_shapes import strict_fault

Body: TypeAlias = Mapping[str, Any]
"""A request body, decoded."""

_MESSAGE_KEYS: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "refusal", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(?P<data>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ChatError:
    """The status and error with which the endpoint answers a broken rule."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


class _Broken(Exception):
    """Carries the refusal out of a check."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.refusal = ChatError(status, message, param=param, code=code)


def refusal_of(body: object, headers: Mapping[str, str], endpoint: Endpoint) -> ChatError | None:
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
            raise _Broken("We could not parse the JSON body of your request.")
        for check in _CHECKS:
            check(cast("dict[str, Any]", body), endpoint)
    except _Broken as broken:
        return broken.refusal
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return ChatError(400, f"malformed: {type(error).__name__} {error}")
    return None


def key_refusal(headers: Mapping[str, str], endpoint: Endpoint) -> ChatError | None:
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


def error_body(refused: ChatError, endpoint: Endpoint) -> object:
    """Return an error as the endpoint writes it."""
    fields = {
        "message": refused.message,
        "type": refused.kind,
        "param": refused.param,
        "code": refused.code,
    }
    match endpoint.errors:
        case "openai":
            return {"error": fields}
        case "flat":
            return {"object": "error", **fields}
        case "list":
            return [{"error": {**fields, "code": refused.status, "status": "INVALID_ARGUMENT"}}]
        case "detail":
            return {"detail": refused.message}


def seen_by_model(body: Body, endpoint: Endpoint) -> dict[str, Any]:
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


def _held(kind: str, endpoint: Endpoint) -> Takes:
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


def _check_parameters(body: Body, endpoint: Endpoint) -> None:
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
            raise _Broken(
                f"Unsupported parameter: {name!r} is not supported with this model. "
                f"Use {other!r} instead.",
                param=name,
                code="unsupported_parameter",
            )
        if name not in taken:
            raise _Broken(f"Unrecognized request argument supplied: {name}", param=name)


def _check_model(body: Body, endpoint: Endpoint) -> None:
    if endpoint.any_model:
        return
    if "model" not in body:
        raise _Broken("you must provide a model parameter")
    if body["model"] not in endpoint.models:
        raise _Broken(
            f"The model `{body['model']}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
        )


def _check_numbers(body: Body, endpoint: Endpoint) -> None:
    for name in endpoint.max_tokens_fields & body.keys():
        wanted = body[name]
        if not isinstance(wanted, int) or wanted < 1:
            raise _Broken(f"Invalid {name!r}: must be at least 1", param=name)
        if wanted > endpoint.max_tokens:
            raise _Broken(
                f"{name} is too large: {wanted}. This model supports at most "
                f"{endpoint.max_tokens} completion tokens.",
                param=name,
            )
    effort = body.get("reasoning_effort")
    if effort is not None and endpoint.efforts is not None and effort not in endpoint.efforts:
        raise _Broken(
            f"Unsupported value: 'reasoning_effort' does not support {effort!r} with this model.",
            param="reasoning_effort",
            code="unsupported_value",
        )
    if "stream_options" in body and not body.get("stream"):
        raise _Broken("The 'stream_options' parameter is only allowed when 'stream' is enabled.")


def _check_tools(body: Body, endpoint: Endpoint) -> None:
    del endpoint
    tools = body.get("tools")
    if tools is None:
        if "tool_choice" in body:
            raise _Broken("'tool_choice' is only allowed when 'tools' are specified.")
        return
    if not tools:
        raise _Broken("Invalid 'tools': empty array. Expected an array with minimum length 1.")
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if tool["type"] != "function":
            raise _Broken(f"Invalid value: {tool['type']!r}. '{where}.type' must be 'function'.")
        function = tool["function"]
        if not _NAME.fullmatch(function["name"]):
            raise _Broken(f"Invalid '{where}.function.name': string does not match pattern.")
        if function["parameters"].get("type") != "object":
            raise _Broken(f"Invalid schema for function: '{where}' must be of type 'object'.")


def _check_format(body: Body, endpoint: Endpoint) -> None:
    wanted = body.get("response_format")
    if wanted is None:
        return
    kind = wanted["type"]
    if kind not in {"text", "json_object", "json_schema"} or _held(kind, endpoint) == "no":
        raise _Broken(
            f"Invalid parameter: 'response_format' of type {kind!r} is not supported with this "
            "model.",
            param="response_format",
        )
    if body.get("tools") and kind != "text" and not endpoint.schema_with_tools:
        raise _Broken(
            "Function calling with a response mime type: 'application/json' is unsupported"
        )
    if kind == "json_object" and "json" not in prompt_of(body).lower():
        raise _Broken(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'."
        )
    if kind == "json_schema":
        inner = wanted["json_schema"]
        if not _NAME.fullmatch(inner["name"]):
            raise _Broken("Invalid 'response_format.json_schema.name'")
        fault = strict_fault(inner["schema"]) if inner.get("strict") else None
        if fault is not None and endpoint.strict_rules:
            raise _Broken(
                f"Invalid schema for response_format {inner['name']!r}: {fault}.",
                param="response_format",
            )


def _check_messages(body: Body, endpoint: Endpoint) -> None:
    if not body.get("messages"):
        raise _Broken("Invalid 'messages': empty array. Expected an array with minimum length 1.")
    for index, message in enumerate(body["messages"]):
        where, role = f"messages.{index}", message["role"]
        if role not in _MESSAGE_KEYS:
            raise _Broken(f"Invalid value: {role!r}. Supported values are: 'system', 'user' ...")
        taken = set(_MESSAGE_KEYS[role])
        if role == "assistant":
            taken.add(endpoint.reasoning_key)
            if endpoint.reasoning_details:
                taken.add("reasoning_details")
        strange = set(message) - taken
        if strange:
            raise _Broken(
                f"Additional properties are not allowed ({min(strange)!r} was unexpected) - "
                f"'{where}'"
            )
        if role == "assistant":
            _check_assistant(message, where, endpoint)
        else:
            _check_content(message["content"], f"{where}.content", role, endpoint)


def _check_assistant(message: Body, where: str, endpoint: Endpoint) -> None:
    calls = message.get("tool_calls")
    content = message.get("content")
    if calls is None and content is None:
        raise _Broken(f"Invalid value for 'content': expected a string, got null. - '{where}'")
    if not content and not calls and not endpoint.empty_assistant:
        raise _Broken("Assistant message must have either content or tool_calls, but not none.")
    if content is not None:
        _check_content(content, f"{where}.content", "assistant", endpoint)
    if calls is not None and not calls:
        raise _Broken(f"[] is too short - '{where}.tool_calls'")
    for number, call in enumerate(calls or ()):
        inside = f"{where}.tool_calls.{number}"
        if set(call) != {"id", "type", "function"} or not call["id"]:
            raise _Broken(f"A call needs an id, a type and a function, and takes no more: {inside}")
        # Several servers parse the arguments for their chat template, and fail if they cannot.
        if not _is_object(call["function"]["arguments"]):
            raise _Broken(f"The arguments of a call must be a JSON object: {inside}")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_content(content: object, where: str, role: str, endpoint: Endpoint) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise _Broken(f"Invalid type for '{where}': expected a string or an array of objects")
    for part in cast("list[dict[str, Any]]", content):
        if part["type"] == "text":
            continue
        if part["type"] != "image_url" or role != "user":
            raise _Broken(f"Invalid value: {part['type']!r}. - '{where}'")
        if endpoint.images == "no":
            raise _Broken("image input is not supported by this model")
        _check_picture(part["image_url"]["url"], where)


def _check_picture(url: str, where: str) -> None:
    if url.startswith("https://"):
        return
    match = _PICTURE.fullmatch(url)
    if match is None:
        raise _Broken(f"Invalid '{where}': expected a base64-encoded data URL or an https URL")
    try:
        base64.b64decode(match["data"], validate=True)
    except binascii.Error:
        raise _Broken(f"Invalid '{where}': the data URL is not base64") from None


def _check_turns(body: Body, endpoint: Endpoint) -> None:
    waiting: list[str] = []
    answerable: set[str] = set()
    before = ""
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            answered = message["tool_call_id"]
            if answered not in answerable:
                raise _Broken(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'."
                )
            answerable.discard(answered)
            waiting = [one for one in waiting if one != answered]
            before = role
            continue
        if waiting:
            raise _unanswered(waiting)
        if role == "user" and before == "tool" and not endpoint.user_after_tool:
            raise _Broken("Unexpected role 'user' after role 'tool'", code="3230")
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
        answerable = set(waiting)
        if len(answerable) < len(waiting):
            raise _Broken("Duplicate value for 'tool_call_id'")
        before = role
    if waiting:
        raise _unanswered(waiting)
    if before not in {"user", "tool"}:
        raise _Broken(f"Expected last role User or Tool for serving but got {before}")


def _unanswered(calls: list[str]) -> _Broken:
    return _Broken(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(calls)
    )


_CHECKS: tuple[Callable[[Body, Endpoint], None], ...] = (
    _check_parameters,
    _check_model,
    _check_numbers,
    _check_tools,
    _check_messages,
    _check_format,
    _check_turns,
)
