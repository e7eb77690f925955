"""The messages of the stand-in of Chat Completions, their counts, and their wire format.

Owns the message, its counts under a simulated prompt cache, and the stream of chunks. Does no I/O.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from atlas_mcp.atlas.usage import NO_USAGE, Usage
from atlas_mcp.testing.chat_endpoints import Body, ChatEndpoint
from atlas_mcp.testing.loopback import Piece
from atlas_mcp.testing.replies import BYTES_PER_TOKEN, ApiReply, Call, Quirk, Tokens, cut

_ids = itertools.count(1)

_FINISHES = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
"""The stop reasons of Chat Completions, by those of the Messages API."""

DONE = b"data: [DONE]\n\n"


class PromptCache:
    """The prefixes of earlier requests, for each model; kept without a parameter of the request."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def count(self, body: Body, output: int, *, minimum: int) -> Tokens:
        """Return the counts of a request, and remember its prompt."""
        digest = hashlib.sha256(_bytes([body.get("model"), body.get("tools")]))
        total = len(_bytes(body.get("tools") or [])) // BYTES_PER_TOKEN
        read = 0
        for message in body["messages"]:
            encoded = _bytes(message)
            digest.update(encoded)
            total += len(encoded) // BYTES_PER_TOKEN + 1
            if digest.digest() in self._known and total >= minimum:
                read = total
            self._known.add(digest.digest())
        # At least one token is never taken from the cache.
        read = min(read, total - 1)
        return Tokens(input=total - read, output=output, cache_read=read)


def message_of(reply: ApiReply, endpoint: ChatEndpoint) -> dict[str, Any]:
    """Return the message of a reply, as it must be sent back, with fresh ids."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.thinking:
        message[endpoint.reasoning_key] = reply.thinking
    if reply.thinking is not None and endpoint.reasoning_details:
        message["reasoning_details"] = [
            {
                "type": "reasoning.text",
                "text": reply.thinking,
                "signature": f"sig-{next(_ids)}",
                "index": 0,
            }
        ]
    explanation = (reply.stop_details or {}).get("explanation")
    if reply.stop_reason == "refusal" and explanation:
        message["refusal"] = explanation
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    return message


def finish_of(reply: ApiReply, quirks: frozenset[Quirk]) -> str | None:
    """Return the `finish_reason` of a reply."""
    if "no_finish" in quirks:
        return None
    if reply.stop_reason == "refusal":
        return "stop" if (reply.stop_details or {}).get("explanation") else "content_filter"
    if reply.stop_reason is not None:
        return _FINISHES.get(reply.stop_reason, reply.stop_reason)
    return "tool_calls" if reply.calls and "stop_with_calls" not in quirks else "stop"


def output_tokens(message: dict[str, Any]) -> int:
    """Return a plausible count of the message's tokens."""
    return len(_bytes(message)) // BYTES_PER_TOKEN + 1


def usage_of(reply: ApiReply, tokens: Tokens, endpoint: ChatEndpoint) -> dict[str, Any]:
    """Return counts as the endpoint writes them."""
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    apart = tokens.reasoning if endpoint.reasoning_apart else 0
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output - apart,
        "total_tokens": prompt + tokens.output,
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
    if endpoint.cache_hits:
        counts["prompt_cache_hit_tokens"] = tokens.cache_read
        counts["prompt_cache_miss_tokens"] = prompt - tokens.cache_read
    else:
        counts["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read}
        if tokens.cache_write:
            counts["prompt_tokens_details"]["cache_write_tokens"] = tokens.cache_write
    if reply.billed_usd is not None:
        counts["cost"] = reply.billed_usd
    return counts


def reported_usage(tokens: Tokens) -> Usage:
    """Return the counts as our `Usage`, without the request itself."""
    return Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
    )


def completion_of(
    body: Body, message: dict[str, Any], finish: str | None, counts: dict[str, Any] | None
) -> dict[str, Any]:
    """Return a reply in one piece."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return _framed("chat.completion", body, f"chatcmpl-{next(_ids)}", [choice], counts)


def pieces_of(
    body: Body,
    reply: ApiReply,
    message: dict[str, Any],
    counts: dict[str, Any] | None,
    *,
    endpoint: ChatEndpoint,
    reported: Usage,
) -> Iterator[Piece]:
    """Yield the stream of `message` in its wire format.

    Args:
        body: The request.
        reply: The reply.
        message: The same as a message.
        counts: The counts as the endpoint writes them; `None` where it sends none.
        endpoint: The endpoint, for its wire format.
        reported: `counts` as our `Usage`.
    """
    quirks = endpoint.quirks | reply.quirks
    name = f"chatcmpl-{next(_ids)}"

    def chunk(
        delta: dict[str, Any], finish: str | None = None, usage: dict[str, Any] | None = None
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return encode(_framed("chat.completion.chunk", body, name, [choice], usage))

    yield Piece(chunk({"role": "assistant", "content": "", "refusal": None}))
    for delta in _deltas(message, reply.deltas, endpoint, quirks):
        yield Piece(chunk(delta), written=True)
    at_the_end = counts if not endpoint.stream_options else None
    finish = finish_of(reply, quirks)
    yield Piece(chunk({}, finish, at_the_end), reports=reported if at_the_end else NO_USAGE)
    if counts is not None and at_the_end is None:
        last = _framed("chat.completion.chunk", body, name, [], counts)
        yield Piece(encode(last), reports=reported)
    if "no_done" not in quirks:
        yield Piece(DONE)


def encode(event: object) -> bytes:
    """Return an event in its wire format."""
    return f"data: {json.dumps(event)}\n\n".encode()


def _framed(
    kind: str, body: Body, name: str, choices: list[Any], usage: dict[str, Any] | None
) -> dict[str, Any]:
    framed = {
        "id": name,
        "object": kind,
        "created": 1_790_000_000,
        "model": body.get("model"),
        "choices": choices,
    }
    return framed if usage is None else {**framed, "usage": usage}


def _call(call: Call) -> dict[str, Any]:
    arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
    return {
        "id": call.id or f"call_{next(_ids):06d}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _deltas(
    message: dict[str, Any], pieces: int, endpoint: ChatEndpoint, quirks: frozenset[Quirk]
) -> Iterator[dict[str, Any]]:
    for piece in cut(message.get(endpoint.reasoning_key) or "", pieces):
        yield {endpoint.reasoning_key: piece}
    for detail in message.get("reasoning_details") or ():
        for piece in cut(detail["text"], pieces):
            yield {"reasoning_details": [{"type": detail["type"], "text": piece, "index": 0}]}
        yield {"reasoning_details": [{"signature": detail["signature"], "index": 0}]}
    for piece in cut(message["content"], pieces):
        typed = [{"type": "text", "text": piece}]
        yield {"content": typed if "typed_content" in quirks else piece}
    if message.get("refusal"):
        for piece in cut(message["refusal"], pieces):
            yield {"refusal": piece}
    for number, call in enumerate(message.get("tool_calls") or ()):
        yield from ({"tool_calls": [one]} for one in _call_deltas(call, number, pieces, quirks))


def _call_deltas(
    call: dict[str, Any], number: int, pieces: int, quirks: frozenset[Quirk]
) -> Iterator[dict[str, Any]]:
    function = call["function"]
    head = {"type": "function"} if "calls_without_id" in quirks else {**call}
    if "calls_without_index" in quirks:
        yield {**head, "function": function}
        return
    if "calls_at_one_index" in quirks:
        yield {"index": 0, **head, "function": function}
        return
    again = {**head} if "names_repeated" in quirks else {}
    name = {"name": function["name"]} if again else {}
    yield {"index": number, **head, "function": {"name": function["name"], "arguments": ""}}
    for piece in cut(function["arguments"], pieces):
        yield {"index": number, **again, "function": {**name, "arguments": piece}}


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
