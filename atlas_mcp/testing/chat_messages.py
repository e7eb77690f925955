"""The rules of Chat Completions for the messages of a request, for its stand-in.

Owns the order of turns, and what each may hold. Pure: a broken rule is raised as the endpoint's
error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from atlas_mcp.testing.chat_endpoints import Body, ChatEndpoint
from atlas_mcp.testing.chat_errors import BrokenRule

_MESSAGE_KEYS: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "refusal", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(?P<data>.+)", re.DOTALL)


def check_messages(body: Body, endpoint: ChatEndpoint) -> None:
    """Check the fields of each message.

    Raises:
        BrokenRule: A message has other fields than its role allows.
    """
    if not body.get("messages"):
        raise BrokenRule(
            "Invalid 'messages': empty array. Expected an array with minimum length 1."
        )
    for index, message in enumerate(body["messages"]):
        where, role = f"messages.{index}", message["role"]
        if role not in _MESSAGE_KEYS:
            raise BrokenRule(f"Invalid value: {role!r}. Supported values are: 'system', 'user' ...")
        taken = set(_MESSAGE_KEYS[role])
        if role == "assistant":
            taken.add(endpoint.reasoning_key)
            if endpoint.reasoning_details:
                taken.add("reasoning_details")
        strange = set(message) - taken
        if strange:
            raise BrokenRule(
                f"Additional properties are not allowed ({min(strange)!r} was unexpected) - "
                f"'{where}'"
            )
        if role == "assistant":
            _check_assistant(message, where, endpoint)
        else:
            _check_content(message["content"], f"{where}.content", role, endpoint)


def _check_assistant(message: Body, where: str, endpoint: ChatEndpoint) -> None:
    calls = message.get("tool_calls")
    content = message.get("content")
    if calls is None and content is None:
        raise BrokenRule(f"Invalid value for 'content': expected a string, got null. - '{where}'")
    if not content and not calls and not endpoint.empty_assistant:
        raise BrokenRule("Assistant message must have either content or tool_calls, but not none.")
    if content is not None:
        _check_content(content, f"{where}.content", "assistant", endpoint)
    if calls is not None and not calls:
        raise BrokenRule(f"[] is too short - '{where}.tool_calls'")
    for number, call in enumerate(calls or ()):
        inside = f"{where}.tool_calls.{number}"
        if set(call) != {"id", "type", "function"} or not call["id"]:
            raise BrokenRule(
                f"A call needs an id, a type and a function, and takes no more: {inside}"
            )
        # Several servers parse the arguments for their chat template, and fail if they cannot.
        if not _is_object(call["function"]["arguments"]):
            raise BrokenRule(f"The arguments of a call must be a JSON object: {inside}")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_content(content: object, where: str, role: str, endpoint: ChatEndpoint) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise BrokenRule(f"Invalid type for '{where}': expected a string or an array of objects")
    for part in cast("list[dict[str, Any]]", content):
        if part["type"] == "text":
            continue
        if part["type"] != "image_url" or role != "user":
            raise BrokenRule(f"Invalid value: {part['type']!r}. - '{where}'")
        if endpoint.images == "no":
            raise BrokenRule("image input is not supported by this model")
        _check_picture(part["image_url"]["url"], where)


def _check_picture(url: str, where: str) -> None:
    if url.startswith("https://"):
        return
    match = _PICTURE.fullmatch(url)
    if match is None:
        raise BrokenRule(f"Invalid '{where}': expected a base64-encoded data URL or an https URL")
    try:
        base64.b64decode(match["data"], validate=True)
    except binascii.Error:
        raise BrokenRule(f"Invalid '{where}': the data URL is not base64") from None


def check_turns(body: Body, endpoint: ChatEndpoint) -> None:
    """Check the order of the messages, and that each call of a tool is answered.

    Raises:
        BrokenRule: A message does not fit the one before it.
    """
    waiting: list[str] = []
    answerable: set[str] = set()
    before = ""
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            answered = message["tool_call_id"]
            if answered not in answerable:
                raise BrokenRule(
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
            raise BrokenRule("Unexpected role 'user' after role 'tool'", code="3230")
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
        answerable = set(waiting)
        if len(answerable) < len(waiting):
            raise BrokenRule("Duplicate value for 'tool_call_id'")
        before = role
    if waiting:
        raise _unanswered(waiting)
    if before not in {"user", "tool"}:
        raise BrokenRule(f"Expected last role User or Tool for serving but got {before}")


def _unanswered(calls: list[str]) -> BrokenRule:
    return BrokenRule(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(calls)
    )
