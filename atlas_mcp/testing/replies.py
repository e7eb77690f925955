"""The script of a stand-in of a model API: replies, and calls that fail.

Its types belong to no vendor, so that every stand-in can play the same script. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from atlas_mcp.atlas.messages import Json

BYTES_PER_TOKEN = 4
"""Bytes that make one simulated token."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts of one call: `input` without the two cache counts, `reasoning` a part of `output`."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to make.

    Attributes:
        name: The tool.
        arguments: Its arguments; as text they are written as they stand, JSON or not.
        id: Its id; a fresh one if not given.
    """

    name: str
    arguments: Mapping[str, Json] | str = field(default_factory=dict[str, Json])
    id: str | None = None


Quirk: TypeAlias = Literal[
    "no_usage",
    "no_finish",
    "no_done",
    "open_end",
    "not_streamed",
    "stop_with_calls",
    "calls_without_id",
    "calls_without_index",
    "calls_at_one_index",
    "names_repeated",
    "typed_content",
]
"""A way in which a server of Chat Completions departs from OpenAI's.

It sends no counts; no reason for the end; no `[DONE]`; leaves the stream open after all that; does
not stream; calls tools and says that it stopped; does not name its calls; does not number them;
gives all of them one number; repeats id and name in every piece of a call; writes text as a list of
typed parts.
"""


@dataclass(frozen=True, slots=True)
class ApiReply:
    """A reply to give.

    Attributes:
        text: Visible text; no text block if empty.
        calls: Tools to call, in order.
        thinking: Thinking before it; `None` for none, empty for thinking that is not shown.
        redacted: Whether a block of redacted thinking comes as well; for the Messages API.
        stop_reason: The stop reason, one of the Messages API's or of the played API's own; from
            the content if not given.
        stop_details: The details of a refusal.
        tokens: The counts; made from the bytes and the simulated cache if not given.
        latency: Seconds before the first byte.
        delta_latency: Seconds between two deltas.
        deltas: The number of deltas that each block is cut into.
        pings: The number of pings after the first event.
        quirks: How the server departs from OpenAI's; for Chat Completions.
        billed_usd: The cost of the call, as the server reports it; for Chat Completions.
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
    quirks: frozenset[Quirk] = frozenset()
    billed_usd: float | str | None = None


FaultKind: TypeAlias = Literal["status", "cut", "error", "stall", "garbage", "ends", "not_a_stream"]
"""How a call fails: an error status; or inside the stream a cut connection, an error event, a
silence, bytes that are no JSON, an early but clean end; or a page that is no stream at all, or JSON
that is no reply, where the error type is "json"."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that fails. The functions below make some.

    Attributes:
        kind: The kind of failure.
        status: The status, for `status`.
        error: The API's error type, for `status` and `error`.
        code: The API's error code, for `status` and `error`; for Chat Completions.
        message: The API's error message.
        headers: Headers of the error, for `status`.
        after: Events sent before, for those inside a stream.
        seconds: Seconds of silence, for `stall`; the reply goes on after them.
        reply: The reply in which the stream fails.
    """

    kind: FaultKind
    status: int = 200
    error: str = "api_error"
    code: str | int | None = None
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
    error: str | None = None,
    error_code: str | None = None,
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
        error=error or ERROR_TYPES.get(code, "api_error"),
        code=error_code,
        message=message,
        headers=headers,
    )


def refusal(category: str | None = "cyber", explanation: str | None = None) -> ApiReply:
    """Return a refusal, which has no content."""
    details = {"type": "refusal", "category": category, "explanation": explanation}
    return ApiReply(stop_reason="refusal", stop_details=details)


def truncated(text: str) -> ApiReply:
    """Return a reply that was cut off at its limit of tokens."""
    return ApiReply(text=text, stop_reason="max_tokens")


def cut(text: str, pieces: int) -> Iterator[str]:
    """Yield a text in `pieces` pieces."""
    size = max(1, -(-len(text) // max(1, pieces)))
    for start in range(0, len(text), size):
        yield text[start : start + size]
