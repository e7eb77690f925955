"""The request rules of the Messages API, for its stand-in.

Owns the checks and their error texts. Pure: a request body in, the first broken rule out. The facts
about families are those of `models.claude.families`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from atlas_mcp.atlas.messages import EFFORTS
from atlas_mcp.models.claude.families import Family, known_family
from atlas_mcp.models.pictures.fitting import image_type

Body: TypeAlias = Mapping[str, Any]
"""A request body, decoded."""

API_VERSION = "2026-10-21"
"""The `anthropic-version` this stand-in speaks (anthropic 2.12.0)."""

PARAMETERS = frozenset(
    {
        "model", "max_tokens", "messages", "cache_control", "container", "diagnostics",
        "inference_geo", "metadata", "output_config", "service_tier", "speed", "stop_sequences",
        "stream", "system", "thinking", "tool_choice", "tools", "user_profile_id", "workspace_id",
    }
)  # fmt: skip
"""All top-level parameters (anthropic 2.12.0, `messages.create`)."""

SAMPLING = frozenset({"temperature", "top_p", "top_k"})
"""Parameters that were removed; refused at any value."""

BREAKPOINTS = 4
"""Most blocks with `cache_control` in one request."""

SCHEMA_KEYWORDS = frozenset(
    {
        "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "default",
        "description", "enum", "format", "items", "minItems", "properties", "required", "title",
        "type",
    }
)  # fmt: skip
"""JSON Schema keywords structured output knows: those `transform_schema` of anthropic 2.12.0 lets
through, and `default`. The API's own list was not checked."""

MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

IMAGE_BYTES = 5_242_880
"""Most bytes of a picture, as base64. Source: the API's error texts, as in
anthropics/claude-code#10612."""


@dataclass(frozen=True, slots=True)
class MessagesError:
    """The status and error with which the API answers a broken rule."""

    status: int
    kind: str
    message: str


class Broken(Exception):
    """Carries the error out of a check."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error"):
        super().__init__(message)
        self.error = MessagesError(status=status, kind=kind, message=message)


@dataclass(frozen=True, slots=True)
class Issued:
    """An assistant message that the API has written, and the conversation before it."""

    model: str
    prefix: bytes
    content: bytes


class History:
    """The thinking signatures that were issued, each bound to the conversation before it."""

    def __init__(self) -> None:
        self._issued: dict[str, Issued] = {}

    def remember(self, body: Body, content: list[dict[str, Any]]) -> None:
        """Note that `content` was written in answer to `body`."""
        issued = Issued(model=body["model"], prefix=prefixes(body)[-1], content=canonical(content))
        for signature in _signatures(content):
            self._issued[signature] = issued

    def check(self, body: Body, family: Family) -> None:
        """Refuse thinking that comes back edited, or after an edited prefix."""
        cumulative: list[bytes] | None = None
        for index, message in enumerate(body["messages"]):
            if message["role"] != "assistant" or isinstance(message["content"], str):
                continue
            for signature in _signatures(message["content"]):
                issued = self._issued.get(signature)
                where = f"messages.{index}.content"
                if issued is None:
                    raise Broken(f"{where}: Invalid `signature` in `thinking` block")
                if canonical(message["content"]) != issued.content:
                    raise Broken(f"{where}: `thinking` blocks cannot be modified")
                if not family.binds_thinking:
                    continue
                cumulative = cumulative or prefixes(body)
                if issued.model != body["model"] or issued.prefix != cumulative[index]:
                    raise Broken(
                        f"{where}: `thinking` block is bound to the conversation it was written "
                        "in; the messages, system or tools before it have changed"
                    )


def refusal_of(
    body: object, headers: Mapping[str, str], *, api_key: str, history: History
) -> MessagesError | None:
    """Return the API's refusal of a request; `None` if it would accept it.

    Args:
        body: The decoded request body, of any shape.
        headers: The request headers, names in lower case.
        api_key: The key that is right.
        history: The signatures issued so far.
    """
    try:
        check_headers(headers, api_key=api_key)
        if not isinstance(body, dict):
            raise Broken("The request body is not a JSON object")
        request = cast("dict[str, Any]", body)
        family = _check_top_level(request)
        for check in _CHECKS:
            check(request, family)
        history.check(request, family)
    except Broken as broken:
        return broken.error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return MessagesError(
            400, "invalid_request_error", f"malformed: {type(error).__name__} {error}"
        )
    return None


def check_headers(headers: Mapping[str, str], *, api_key: str) -> None:
    """Refuse a missing or wrong key, and a missing or unknown version."""
    if headers.get("authorization") != f"Bearer {api_key}":
        raise Broken("invalid api key", status=401, kind="authentication_error")
    if "anthropic-version" not in headers:
        raise Broken("anthropic-version: header is required")
    if headers["anthropic-version"] != API_VERSION:
        raise Broken(f"anthropic-version: {headers['anthropic-version']!r} is not a valid version")


def canonical(value: object) -> bytes:
    """Return bytes that are equal for equal values, without regard to `cache_control`."""
    return json.dumps(_bare(value), sort_keys=True, separators=(",", ":")).encode()


def prefixes(body: Body) -> list[bytes]:
    """Return a digest of the prompt before each message, and last one of the whole prompt."""
    digest = hashlib.sha256(canonical([body.get("tools"), body.get("system")]))
    found = [digest.digest()]
    for message in body["messages"]:
        digest.update(canonical(message))
        found.append(digest.digest())
    return found


def blocks_of(body: Body) -> Iterator[dict[str, Any]]:
    """Yield everything that can carry `cache_control`, in the order of the prompt."""
    yield from body.get("tools") or ()
    yield from as_blocks(body.get("system") or "")
    for message in body["messages"]:
        yield from as_blocks(message["content"])


def as_blocks(content: object) -> list[dict[str, Any]]:
    """Return content as blocks, also where it is a plain string."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return cast("list[dict[str, Any]]", content)


def _bare(value: object) -> object:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {key: _bare(one) for key, one in entries.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_bare(one) for one in cast("list[object]", value)]
    return value


def _section(value: Body, name: str) -> dict[str, Any]:
    return value.get(name) or {}


def _signatures(content: list[dict[str, Any]]) -> list[str]:
    keys = {"thinking": "signature", "redacted_thinking": "data"}
    return [block[keys[block["type"]]] for block in content if block["type"] in keys]


def _check_top_level(body: Body) -> Family:
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            raise Broken(f"{name}: Field required")
    for name in sorted(body):
        if name in SAMPLING:
            raise Broken(f"{name}: This parameter is no longer supported")
        if name not in PARAMETERS:
            raise Broken(f"{name}: Extra inputs are not permitted")
    family = known_family(body["model"])
    if family is None:
        raise Broken(f"model: {body['model']}", status=404, kind="not_found_error")
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise Broken("messages: at least one message is required")
    return family


def _check_max_tokens(body: Body, family: Family) -> None:
    wanted = body["max_tokens"]
    if not isinstance(wanted, int) or wanted < 1:
        raise Broken("max_tokens: must be greater than or equal to 1")
    if wanted > family.max_output:
        raise Broken(
            f"max_tokens: {wanted} > {family.max_output}, which is the maximum allowed number "
            f"of output tokens for {body['model']}"
        )


def _check_thinking(body: Body, family: Family) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    if kind not in family.thinking:
        raise Broken(f"thinking.type: {kind!r} is not supported for {body['model']}")
    if kind != "enabled" and "budget_tokens" in thinking:
        raise Broken("thinking.budget_tokens: Extra inputs are not permitted")
    if kind == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        raise Broken("thinking.budget_tokens: must be at least 1024 and less than max_tokens")
    effort = _section(body, "output_config").get("effort", EFFORTS[0])
    ceiling = family.disabled_up_to or EFFORTS[-1]
    if kind == "disabled" and EFFORTS.index(effort) > EFFORTS.index(ceiling):
        raise Broken(f"thinking.type: 'disabled' is not supported at effort {effort!r}")


def _check_output_config(body: Body, family: Family) -> None:
    output = _section(body, "output_config")
    unknown = set(output) - {"effort", "format"}
    if unknown:
        raise Broken(f"output_config.{min(unknown)}: Extra inputs are not permitted")
    effort = output.get("effort")
    if effort is not None and effort not in family.efforts:
        raise Broken(f"output_config.effort: {effort!r} is not supported for {body['model']}")
    if output.get("format") is not None:
        if output["format"]["type"] != "json_schema":
            raise Broken("output_config.format.type: Input should be 'json_schema'")
        _check_schema(output["format"]["schema"], "output_config.format.schema")


def _check_schema(schema: dict[str, Any], where: str) -> None:
    for keyword in schema:
        if keyword not in SCHEMA_KEYWORDS:
            raise Broken(f"{where}: For this type, property '{keyword}' is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise Broken(f"{where}: For 'object' type, 'additionalProperties' must be false")
    if isinstance(schema.get("type"), list):
        raise Broken(f"{where}.type: must be one type")
    for keyword in ("properties", "$defs"):
        for name, one in _section(schema, keyword).items():
            _check_schema(one, f"{where}.{keyword}.{name}")
    for keyword in ("anyOf", "allOf"):
        for index, one in enumerate(schema.get(keyword) or ()):
            _check_schema(one, f"{where}.{keyword}.{index}")
    if "items" in schema:
        _check_schema(schema["items"], f"{where}.items")


def _check_tools(body: Body, family: Family) -> None:
    tools: list[dict[str, Any]] = body.get("tools") or []
    for index, tool in enumerate(tools):
        if not tool["name"] or tool["input_schema"].get("type") != "object":
            raise Broken(f"tools.{index}: needs a name and an input_schema of type object")
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not tools:
        raise Broken("tool_choice: may only be specified while providing tools")
    if choice["type"] not in {"auto", "any", "tool", "none"}:
        raise Broken(f"tool_choice.type: {choice['type']!r} is unknown")
    if choice["type"] in {"any", "tool"} and not family.forced_tools:
        raise Broken(f"tool_choice.type: {choice['type']!r} is not supported for {body['model']}")


def _check_blocks(body: Body, family: Family) -> None:
    del family
    if sum("cache_control" in block for block in blocks_of(body)) > BREAKPOINTS:
        raise Broken(f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided")
    for index, block in enumerate(as_blocks(body.get("system") or "")):
        _check_block(block, f"system.{index}", {"text"})
    for index, message in enumerate(body["messages"]):
        role, content = message["role"], message["content"]
        if role not in _BLOCKS_OF_ROLE:
            raise Broken(f"messages.{index}.role: {role!r} is unknown")
        if not content:
            raise Broken(f"messages.{index}: must have non-empty content")
        for number, block in enumerate(as_blocks(content)):
            _check_block(block, f"messages.{index}.content.{number}", _BLOCKS_OF_ROLE[role])


_BLOCKS_OF_ROLE = {
    "user": {"text", "image", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use"},
}


def _check_block(block: dict[str, Any], where: str, allowed: set[str]) -> None:
    kind = block["type"]
    if kind not in allowed:
        raise Broken(f"{where}.type: {kind!r} is not allowed here")
    if kind == "text" and not block["text"]:
        raise Broken(f"{where}: text content blocks must be non-empty")
    if "cache_control" in block and kind in {"thinking", "redacted_thinking"}:
        raise Broken(f"{where}.cache_control: Extra inputs are not permitted")
    if kind == "image":
        _check_image(block["source"], f"{where}.source")


def _check_image(source: dict[str, Any], where: str) -> None:
    if source["type"] == "url":
        if not source["url"].startswith("https://"):
            raise Broken(f"{where}.url.url: Only HTTPS URLs are supported")
        return
    if source["media_type"] not in MEDIA_TYPES:
        raise Broken(f"{where}.base64.media_type: Input should be an image type")
    size = len(source["data"])
    if size > IMAGE_BYTES:
        raise Broken(
            f"{where}.base64: image exceeds 5 MB maximum: {size} bytes > {IMAGE_BYTES} bytes"
        )
    try:
        content = base64.b64decode(source["data"], validate=True)
    except binascii.Error:
        raise Broken(f"{where}.base64.data: Input should be valid base64") from None
    found = image_type(content)
    if found is None:
        raise Broken(f"{where}.base64.data: Could not process image")
    if found != source["media_type"]:
        raise Broken(
            f"{where}.base64.data: The image was specified using the {source['media_type']} media "
            f"type, but the image appears to be a {found} image"
        )


def _check_turns(body: Body, family: Family) -> None:
    messages = body["messages"]
    if messages[0]["role"] != "user":
        raise Broken("messages: first message must use the 'user' role")
    if messages[-1]["role"] == "assistant" and not family.prefill:
        raise Broken("This model does not support assistant message prefill")
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        blocks = as_blocks(message["content"])
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        strangers = [one for one in answered if one not in open_calls]
        if strangers:
            raise Broken(
                f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{strangers[0]}. Each must have a corresponding `tool_use` block in the "
                "previous message"
            )
        missing = open_calls - set(answered)
        if missing:
            raise Broken(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(sorted(missing))}"
            )
        kinds = [block["type"] for block in blocks]
        if answered and "tool_result" in kinds[len(answered) :]:
            raise Broken(f"messages.{index}: `tool_result` blocks must come first")
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}


_CHECKS: tuple[Callable[[Body, Family], None], ...] = (
    _check_max_tokens,
    _check_output_config,
    _check_thinking,
    _check_tools,
    _check_blocks,
    _check_turns,
)
