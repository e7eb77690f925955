"""Streams of Chat Completions, and the replies that they make."""

from __future__ import annotations

import json
from typing import Any

from atlas_mcp.models.wire.chat_stream import ChatStream
from atlas_mcp.models.wire.event_lines import EventLines
from atlas_mcp.models.wire.json_events import read_event


def feed(stream: ChatStream, line: str) -> None:
    for one in EventLines().feed(line.encode() + b"\n\n"):
        stream.take(read_event(one))


def feed_whole(stream: ChatStream, body: str) -> None:
    stream.take_whole(read_event(body.encode()))


def stream_of(*chunks: dict[str, Any], done: bool = True) -> ChatStream:
    stream = ChatStream()
    for chunk in chunks:
        feed(stream, "data: " + json.dumps(chunk))
    if done:
        feed(stream, "data: [DONE]")
    return stream


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(**given: Any) -> dict[str, Any]:
    """Return a piece of a call; `name` and `arguments` are at their place in it."""
    function = {key: given.pop(key) for key in ("name", "arguments") if key in given}
    return {**given, "function": function} if function else given


FIRST, SECOND = '{"x": 1}', '{"x": 2}'


CALL = {"id": "a", "type": "function", "function": {"name": "explore", "arguments": FIRST}}
