"""The event stream of a reply of the Messages API, read into the message it spells.

Owns the wire format: bytes in, content blocks, counts and stop reason out. Does no I/O and knows no
vendor library: the client library builds a validated object for each event, which costs several
times what reading the stream costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import from_json

from atlas_mcp.atlas.messages import AssistantTurn, Json, ToolCall
from atlas_mcp.atlas.storable import (
    MAX_CHARS,
    MAX_NAME_CHARS,
    MAX_WORDS,
    TooDeep,
    count_of,
    fault_of,
    plain,
    read_json,
    text_of,
    unique_id,
    words_of,
)
from atlas_mcp.atlas.usage import Usage

CHARACTERS_PER_TOKEN = 4
"""Characters of one output token, to estimate progress. Our own choice: the usual rule of thumb for
English text; the exact count comes at the end."""

_COUNTS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)

_DELTA_TEXT = {
    "text_delta": "text",
    "input_json_delta": "partial_json",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}
"""The kinds of delta that append to a string, and the key the string is under."""


class StreamGarbled(Exception):
    """The stream is not one of the Messages API; what came before it is still counted."""


class StreamFailed(Exception):
    """The stream carried an error of the API.

    Attributes:
        kind: The API's error type.
        message: The API's own words.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message


class MessageStream:
    """A reply as far as it has come.

    Attributes:
        content: The blocks that can be sent back, in order; those that are complete.
        stop_reason: The API's stop reason, `None` until it is known.
        stop_details: What the API says on a refusal; empty otherwise.
        started: Whether the reply began, and so is billed.
        done: Whether the stream said it is complete.
        characters: Characters of output so far, thinking included.
    """

    def __init__(self) -> None:
        self.content: list[dict[str, Json]] = []
        self.stop_reason: str | None = None
        self.stop_details: Mapping[str, Json] = {}
        self.started = False
        self.done = False
        self.characters = 0
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._miscounted = False
        self._output_counted = False
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._block: dict[str, Json] = {}
        self._pieces: dict[str, list[str]] = {}
        self._faults: dict[int, str] = {}

    @property
    def usage(self) -> Usage:
        """The counts so far, cache counts included in the input."""
        fresh, written, read, output = (self._counts[name] for name in _COUNTS)
        return Usage(
            requests=1,
            input_tokens=fresh + written + read,
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )

    @property
    def counted(self) -> bool:
        """Whether `usage` counts the whole reply, as far as can be told.

        Some gateways send no counts, zeros, or what are none.
        """
        whole = self._output_counted or self.characters == 0
        return whole and self.usage.input_tokens > 0 and not self._miscounted

    @property
    def turn(self) -> AssistantTurn:
        """What the model said, with the message as it must be sent back."""
        texts: list[str] = []
        calls: list[ToolCall] = []
        for place, block in enumerate(self.content):
            if block["type"] == "text":
                texts.append(text_of(block.get("text")))
            elif block["type"] == "tool_use":
                # Made such as can be answered, and sent back.
                block["id"] = unique_id(block.get("id"), {call.id for call in calls}, len(calls))
                block["name"] = text_of(block.get("name"), MAX_NAME_CHARS)
                fault = self._faults.get(place)
                calls.append(ToolCall(block["id"], block["name"], block["input"], fault))
        return AssistantTurn(
            text="".join(texts),
            tool_calls=tuple(calls),
            verbatim={"role": "assistant", "content": self.content},
        )

    def feed(self, chunk: bytes) -> None:
        """Read some more of the stream, cut anywhere. What follows its end is passed over.

        Raises:
            StreamFailed: The API reports an error.
            StreamGarbled: This is no stream of the Messages API.
        """
        self._rest.append(chunk)
        if b"\n" not in chunk:
            return
        lines = b"".join(self._rest).split(b"\n")
        self._rest = [lines.pop()]
        for line in lines:
            if self.done:
                return
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif self._data and line in {b"", b"\r"}:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data.clear()
                self._take(data)

    def _take(self, data: bytes) -> None:
        """Take in one event. What is strange in it is passed over, once the reply has begun."""
        try:
            event = _event(data)
        except TooDeep as error:
            if not self.started:
                raise StreamGarbled(str(error)) from error
            return
        except ValueError as error:
            raise StreamGarbled(type(error).__name__) from error
        if isinstance(event, dict):
            self._read(cast("dict[str, Any]", event))
        elif not self.started:
            raise StreamGarbled("an event that is no object")

    def _read(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if not (isinstance(kind, str) or self.started):
            raise StreamGarbled("an event without a type")
        match kind:
            case "content_block_delta":
                self._extend(_object(event.get("delta")))
            case "content_block_start":
                self._block = dict(_object(event.get("content_block")))
                self._pieces = {}
            case "content_block_stop":
                self._close_block()
            case "message_start":
                if not isinstance(event.get("message"), dict):
                    raise StreamGarbled("a beginning without a message")
                self.started = True
                self._count(event["message"].get("usage"))
            case "message_delta":
                delta = _object(event.get("delta"))
                reason = delta.get("stop_reason")
                self.stop_reason = text_of(reason, MAX_WORDS) if reason else self.stop_reason
                self.stop_details = _object(delta.get("stop_details")) or self.stop_details
                self._count(event.get("usage"))
                # The count at the beginning is of what had been written by then.
                output = count_of(_object(event.get("usage")).get("output_tokens"))
                self._output_counted = self._output_counted or bool(output)
            case "message_stop":
                self.done = True
            case "error":
                problem = _object(event.get("error"))
                raise StreamFailed(
                    text_of(problem.get("type"), MAX_WORDS) or "api_error",
                    words_of(problem.get("message") or event.get("error")),
                )
            case _:  # pings, and what the API may add
                pass

    def _extend(self, delta: Mapping[str, Any]) -> None:
        kind = delta.get("type")
        key = _DELTA_TEXT.get(kind) if isinstance(kind, str) else None
        if key is not None:
            piece = delta.get(key)
            if not isinstance(piece, str):
                return
            if key != "signature":
                self.characters += len(piece)
            if self.characters <= MAX_CHARS:
                self._pieces.setdefault(key, []).append(piece)
        elif kind == "citations_delta":
            cited = self._block.get("citations")
            before = cast("list[Json]", cited) if isinstance(cited, list) else []
            self._block["citations"] = [*before, delta.get("citation")]

    def _close_block(self) -> None:
        block = self._block
        for key, pieces in self._pieces.items():
            if key == "partial_json":
                block["input"] = "".join(pieces)
            else:
                block[key] = text_of(block.get(key)) + "".join(pieces)
        self._block, self._pieces = {}, {}
        kind = block.get("type")
        if kind == "tool_use":
            block["input"], fault = _arguments(block.get("input"))
            if fault is not None:
                self._faults[len(self.content)] = fault
        # What the API refuses to take back: text without a character, and thinking that was cut
        # off before its signature.
        if (
            not isinstance(kind, str)
            or (kind == "text" and not block.get("text"))
            or (kind == "thinking" and not block.get("signature"))
        ):
            return
        self.content.append(block)

    def _count(self, usage: object) -> None:
        # Every count is cumulative, and a gateway may leave one out or send a zero late.
        for name, value in _object(usage).items():
            if name in self._counts and value is not None:
                count = count_of(value)
                self._miscounted = self._miscounted or count is None
                self._counts[name] = max(self._counts[name], count or 0)


def _event(data: bytes) -> Json:
    """Read an event. The quick way first; the other one takes whatever is JSON at all.

    Raises:
        ValueError: It is none.
    """
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        return read_json(data)


def _arguments(written: Json) -> tuple[dict[str, Json], str | None]:
    """Return the arguments of a tool call, and why they cannot be used, if they cannot."""
    if written in (None, ""):
        return {}, None
    try:
        arguments: Json = read_json(written) if isinstance(written, str) else written
    except ValueError:
        return {}, "its arguments are not JSON"
    if not isinstance(arguments, dict):
        return {}, "its arguments are no JSON object"
    found = cast("dict[str, Json]", arguments)
    beyond = fault_of(found)
    return (plain(found), None) if beyond is None else ({}, f"its arguments are lost: {beyond}")


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
