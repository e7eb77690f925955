"""What the stand-in of the Messages API says, and how it is counted and written to the wire.

Owns the scripted replies, their tokens under a simulated prompt cache, and the stream of events.
Does no I/O.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from atlas_mcp.atlas.messages import Json
from atlas_mcp.models.claude_families import family_of
from atlas_mcp.testing.messages_rules import Body, blocks_of, canonical

BYTES_PER_TOKEN = 4
"""Bytes that make one simulated token."""

_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts as the API reports them: `input` without the two cache counts."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to make."""

    name: str
    arguments: Mapping[str, Json] = field(default_factory=dict[str, Json])
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ApiReply:
    """A reply to give.

    Attributes:
        text: Visible text; no text block if empty.
        calls: Tools to call, in order.
        thinking: Thinking before it; `None` for none, empty for thinking that is not shown.
        redacted: Whether a block of redacted thinking comes as well.
        stop_reason: The API's stop reason; from the content if not given.
        stop_details: What is said about a refusal.
        tokens: The counts; made from the bytes and the simulated cache if not given.
        latency: Seconds before the first byte.
        delta_latency: Seconds between two deltas.
        deltas: Into how many deltas each block is cut.
        pings: How many pings come after the first event.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str | None = None
    redacted: bool = False
    stop_reason: str | None = None
    stop_details: Mapping[str, Json] | None = None
    tokens: Tokens | None = None
    latency: float = 0.0
    delta_latency: float = 0.0
    deltas: int = 4
    pings: int = 1


FaultKind: TypeAlias = Literal["status", "cut", "error", "stall", "garbage", "ends", "not_a_stream"]
"""How a call goes wrong: an error status; or inside the stream a cut connection, an error event, a
silence, bytes that are no JSON, an early but clean end; or a page that is no stream at all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that goes wrong. The functions below make them.

    Attributes:
        kind: How.
        status: The status, for `status`.
        error: The API's error type, for `status` and `error`.
        message: The API's words.
        headers: Headers of the error, for `status`.
        after: Events sent before, for those inside a stream.
        seconds: Seconds of silence, for `stall`; the reply goes on after them.
        reply: The reply it happens to.
    """

    kind: FaultKind
    status: int = 200
    error: str = "api_error"
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after: int = 3
    seconds: float = 0.0
    reply: ApiReply = ApiReply(text="This reply is broken off before its end.")


ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def status(
    code: int,
    *,
    retry_after: float | str | None = None,
    retry_after_ms: float | None = None,
    should_retry: bool | None = None,
    message: str = "scripted",
) -> Fault:
    """Return a reply with an error status."""
    headers: dict[str, str] = {}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if retry_after_ms is not None:
        headers["retry-after-ms"] = str(retry_after_ms)
    if should_retry is not None:
        headers["x-should-retry"] = str(should_retry).lower()
    return Fault(
        "status",
        status=code,
        error=ERROR_TYPES.get(code, "api_error"),
        message=message,
        headers=headers,
    )


def refusal(category: str | None = "cyber", explanation: str | None = None) -> ApiReply:
    """Return a refusal, which has no content."""
    details = {"type": "refusal", "category": category, "explanation": explanation}
    return ApiReply(stop_reason="refusal", stop_details=details)


def truncated(text: str) -> ApiReply:
    """Return a reply that was cut off at `max_tokens`."""
    return ApiReply(text=text, stop_reason="max_tokens")


class Cache:
    """The prefixes that are cached, for each model."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def count(self, body: Body, output: int) -> Tokens:
        """Return the counts of a request, and cache what it marks."""
        minimum = family_of(body["model"]).cache_minimum
        digest = hashlib.sha256(body["model"].encode())
        total = marked = read = 0
        new: list[bytes] = []
        for block in blocks_of(body):
            encoded = canonical(block)
            digest.update(encoded)
            total += len(encoded) // BYTES_PER_TOKEN + 1
            key = digest.digest()
            if total >= minimum and key in self._known:
                read = total
            if "cache_control" in block and total >= minimum:
                marked = total
                new.append(key)
        self._known.update(new)
        # What is read counts only up to the last breakpoint: without one nothing is looked up.
        read = min(read, marked)
        return Tokens(
            input=total - max(marked, read),
            output=output,
            cache_read=read,
            cache_write=marked - read,
        )


def content_of(reply: ApiReply, body: Body) -> list[dict[str, Any]]:
    """Return the content blocks of `reply`, with fresh ids and signatures."""
    content: list[dict[str, Any]] = []
    if reply.thinking is not None:
        signature = f"sig-{next(_ids)}-{hashlib.sha256(canonical(body['messages'])).hexdigest()}"
        content.append({"type": "thinking", "thinking": reply.thinking, "signature": signature})
    if reply.redacted:
        content.append({"type": "redacted_thinking", "data": f"redacted-{next(_ids)}"})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    content += [
        {
            "type": "tool_use",
            "id": call.id or f"toolu_{next(_ids):06d}",
            "name": call.name,
            "input": dict(call.arguments),
        }
        for call in reply.calls
    ]
    return content


def output_tokens(content: list[dict[str, Any]]) -> int:
    """Return a plausible count for what was written."""
    return sum(len(canonical(block)) // BYTES_PER_TOKEN for block in content) + 1


def message_of(
    reply: ApiReply, body: Body, content: list[dict[str, Any]], tokens: Tokens
) -> dict[str, Any]:
    """Return the whole message, as a call that is not streamed gets it."""
    return {
        "id": f"msg_{next(_ids):06d}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": reply.stop_reason or ("tool_use" if reply.calls else "end_turn"),
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": usage_of(tokens),
    }


def usage_of(tokens: Tokens) -> dict[str, Any]:
    """Return counts as the API writes them."""
    return {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": tokens.output,
        "service_tier": "standard",
    }


def events_of(reply: ApiReply, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events that stream `message`, in order."""
    tokens = message["usage"]
    yield {
        "type": "message_start",
        "message": {
            **message,
            "content": [],
            "stop_reason": None,
            "stop_details": None,
            "usage": {**tokens, "output_tokens": min(1, tokens["output_tokens"])},
        },
    }
    for _ in range(reply.pings):
        yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _opening(block)}
        for delta in _deltas(block, reply.deltas):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")},
        "usage": {key: value for key, value in tokens.items() if key != "service_tier"},
    }
    yield {"type": "message_stop"}


def encode(event: Mapping[str, Any]) -> bytes:
    """Return an event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _opening(block: dict[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_use":
            return {**block, "input": {}}
        case _:
            return block


def _deltas(block: dict[str, Any], pieces: int) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for piece in _cut(block["text"], pieces):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in _cut(block["thinking"], pieces):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in _cut(json.dumps(block["input"]), pieces):
                yield {"type": "input_json_delta", "partial_json": piece}
        case _:
            return


def _cut(text: str, pieces: int) -> Iterator[str]:
    size = max(1, -(-len(text) // max(1, pieces)))
    for start in range(0, len(text), size):
        yield text[start : start + size]
