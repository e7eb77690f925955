"""The messages of the stand-in of the Messages API, their counts, and their wire format.

Owns its content blocks, their tokens under a simulated prompt cache, and the stream of events. Does
no I/O.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from atlas_mcp.atlas.usage import NO_USAGE, Usage
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.testing.loopback import Piece
from atlas_mcp.testing.messages_rules import Body, blocks_of, canonical
from atlas_mcp.testing.replies import BYTES_PER_TOKEN, ApiReply, Tokens, cut

IMAGE_TOKENS = 4_784
"""Tokens of a picture of any size. Source: Claude's image sizing, at full size."""

_ids = itertools.count(1)


class Cache:
    """The prefixes that are cached, for each model."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def count(self, body: Body, output: int) -> Tokens:
        """Return the counts of a request, and cache the prefixes that it marks."""
        minimum = family_of(body["model"]).cache_minimum
        digest = hashlib.sha256(body["model"].encode())
        total = marked = read = 0
        new: list[bytes] = []
        for block in blocks_of(body):
            encoded = canonical(block)
            digest.update(encoded)
            picture = block.get("type") == "image"
            total += IMAGE_TOKENS if picture else len(encoded) // BYTES_PER_TOKEN + 1
            key = digest.digest()
            if total >= minimum and key in self._known:
                read = total
            if "cache_control" in block and total >= minimum:
                marked = total
                new.append(key)
        self._known.update(new)
        # Cached tokens count only up to the last breakpoint: without one the cache is not read.
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
            "input": call.arguments if isinstance(call.arguments, str) else dict(call.arguments),
        }
        for call in reply.calls
    ]
    return content


def output_tokens(content: list[dict[str, Any]]) -> int:
    """Return a plausible count of the content's tokens."""
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


def total_of(tokens: Tokens) -> Usage:
    """Return the counts of the input as our `Usage`."""
    return Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
    )


def pieces_of(reply: ApiReply, message: dict[str, Any], tokens: Tokens) -> Iterator[Piece]:
    """Yield the stream of `message` in its wire format."""
    first = min(1, tokens.output)
    reports = {
        "message_start": total_of(tokens) + Usage(output_tokens=first),
        "message_delta": Usage(output_tokens=tokens.output - first),
    }
    for event in events_of(reply, message):
        kind = event["type"]
        yield Piece(encode(event), kind == "content_block_delta", reports.get(kind, NO_USAGE))


def encode(event: Mapping[str, Any]) -> bytes:
    """Return an event in its wire format."""
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
            for piece in cut(block["text"], pieces):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in cut(block["thinking"], pieces):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in cut(_written(block["input"]), pieces):
                yield {"type": "input_json_delta", "partial_json": piece}
        case _:
            return


def _written(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
