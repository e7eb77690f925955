"""The event stream of a reply of the Messages API, read into a message.

Owns the meaning of events: events in, content blocks, counts and stop reason out. Does no I/O and
knows no vendor library: the client library builds a validated object for each event, which takes
several times as long as reading the stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from atlas_mcp.atlas.messages import AssistantTurn, Json, ToolCall
from atlas_mcp.atlas.storable import (
    MAX_FAILURE_CHARS,
    MAX_NAME_CHARS,
    count_of,
    failure_text,
    text_of,
    unique_id,
)
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.pieces import ReplyAllowance
from atlas_mcp.models.wire.tool_arguments import arguments_of

MOST_BLOCKS = 10_000
"""Content blocks of one reply that are kept. Our own choice: ten times the limit on tool calls."""

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

_READ = frozenset({"text", "tool_use"})
"""The types of block that are read."""

_IMPLIED = {"text_delta": "text", "thinking_delta": "thinking"}
"""The type of block for each kind of delta that may come without the start of its block."""


class StreamGarbled(Exception):
    """The stream is not one of the Messages API; the usage so far still counts."""


class StreamFailed(Exception):
    """The stream carried an error of the API.

    Attributes:
        kind: The API's error type.
        message: The API's error message.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message


_WORDLESS = ("message_start", "message_delta", "message_stop", "ping")
"""Events that hold no part of the model's output."""


class MessageStream:
    """A reply as far as it has arrived.

    Attributes:
        stop_reason: The API's stop reason, `None` until it is known.
        stop_details: The API's details of a refusal; empty otherwise.
        started: Whether the reply began with a proper `message_start`.
        begun: Whether any part of the reply came, so that it may be billed.
        done: Whether the stream has sent its end.
        characters: Characters of output so far, thinking included.
        unreadable: Why an event is not valid JSON; `None` where all are.
    """

    def __init__(self) -> None:
        self.stop_reason: str | None = None
        self.stop_details: Mapping[str, Json] = {}
        self.started = False
        self.begun = False
        self.done = False
        self.characters = 0
        self.unreadable: str | None = None
        self._fault: str | None = None
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._miscounted = False
        self._output_counted = False
        self._blocks: list[_Block] = []
        self._open: dict[Json, _Block] = {}
        # Blocks that are read have an allowance of their own.
        self._spoken, self._further = ReplyAllowance(), ReplyAllowance()

    @property
    def complete(self) -> bool:
        """Whether the reply has its stop reason or its end mark; only marks may be missing."""
        return self.begun and (self.done or self.stop_reason is not None)

    @property
    def fault(self) -> str | None:
        """Why the reply cannot be understood, though it is finished; `None` if it can be."""
        if self._fault is not None:
            return self._fault
        unreadable = self.unreadable
        return unreadable and f"a part of it could not be read ({unreadable})"

    @property
    def lacks(self) -> str | None:
        """The part of the stream that the API always sends and that is missing; `None` if none."""
        if not self.started:
            return "it lacks its beginning"
        if not self.stop_reason:
            return "it lacks the reason for its end"
        if not all(block.closed for block in self._blocks):
            return "a part of it lacks its end"
        return None if self.done else "it lacks its end"

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

        Some gateways send no counts, zeros, or values that are not counts.
        """
        wrote = self.characters > 0 or any(block.says for block in self._blocks)
        whole = self._output_counted or not wrote
        return whole and self.usage.input_tokens > 0 and not self._miscounted

    @property
    def turn(self) -> AssistantTurn:
        """The model's turn, with the message as it must be sent back."""
        texts: list[str] = []
        calls: dict[str, ToolCall] = {}
        sent: list[dict[str, Json]] = []
        for block, fault in self._sendable():
            if block["type"] == "text":
                texts.append(text_of(block.get("text")))
            elif block["type"] == "tool_use":
                # The id and the name are repaired, so that the call can be answered and sent back.
                block["id"] = name = unique_id(block.get("id"), calls, len(calls))
                block["name"] = text_of(block.get("name"), MAX_NAME_CHARS)
                calls[name] = ToolCall(name, block["name"], block["input"], fault)
            sent.append(block)
        return AssistantTurn(
            text="".join(texts),
            tool_calls=tuple(calls.values()),
            verbatim={"role": "assistant", "content": sent},
        )

    def take(self, event: Event) -> None:
        """Take in one event. Unknown parts of it are ignored, once the reply has begun.

        Raises:
            StreamFailed: The API reports an error.
            StreamGarbled: The stream is not one of the Messages API.
        """
        if self.done:
            return
        value: object = event.value
        if event.what == "data" and isinstance(value, dict):
            said = cast("dict[str, Any]", value)
            if event.fault is not None and not self.complete:
                if said.get("type") in _WORDLESS:
                    # The lost part of the event is not output, but may be the counts.
                    self._miscounted = True
                else:
                    self._fault = self._fault or event.fault
            self._read(said)
        elif event.what == "done":
            self.done = True
        elif event.what == "error":
            self._fail(event.value)
        elif not self.begun:
            raise StreamGarbled(event.fault or "an event that is no object")
        elif event.what == "unreadable" and not self.complete:
            self.unreadable = self.unreadable or event.fault

    def take_whole(self, event: Event) -> None:
        """Take in a reply that was not streamed.

        Raises:
            StreamFailed: The API reports an error.
            StreamGarbled: The reply cannot be read.
        """
        if event.what != "data":
            raise StreamGarbled(event.fault or "it is no reply")
        message = _object(event.value)
        if message.get("type") == "error" or message.get("error"):
            self._fail(message.get("error"))
        content, usage = message.get("content"), message.get("usage")
        if content is None and not _object(usage) and event.fault is None:
            return
        self._fault = event.fault
        parts = cast("list[Json]", content if isinstance(content, list) else [])
        if isinstance(content, str):
            parts = [{"type": "text", "text": content}]
        for number, part in enumerate(parts):
            block = self._begin(number, _object(part))
            block.closed = True
            self.characters += sum(
                len(text_of(block.fields.get(key))) for key in ("text", "thinking", "input")
            )
        self._end(message, usage)
        self.started = self.begun = self.done = True

    def _read(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if not isinstance(kind, str):
            if not self.begun and not event.get("error"):
                raise StreamGarbled("an event without a type")
            kind = "error" if event.get("error") else None
        match kind:
            case "content_block_delta":
                self._extend(event.get("index"), _object(event.get("delta")))
            case "content_block_start":
                self._begin(event.get("index"), _object(event.get("content_block")))
            case "content_block_stop":
                block = self._open.pop(_hashable(event.get("index")), None)
                if block is not None:
                    block.closed = True
            case "message_start":
                self.started = isinstance(event.get("message"), dict)
                self.begun = True
                self._count(_object(event.get("message")).get("usage"))
            case "message_delta":
                self._end(_object(event.get("delta")), event.get("usage"))
            case "message_stop":
                self.done = True
            case "error":
                self._fail(event.get("error"))
            case _:  # pings, and events that the API may add
                pass

    def _fail(self, error: Json) -> None:
        """Take in an error of the API, unless the reply is finished.

        Raises:
            StreamFailed: The reply is not finished.
        """
        if self.complete:
            return
        problem = _object(error)
        raise StreamFailed(
            text_of(problem.get("type"), MAX_FAILURE_CHARS) or "api_error",
            failure_text(problem.get("message") or error),
        )

    def _begin(self, index: Json, fields: Mapping[str, Any]) -> _Block:
        self.begun = True
        room = self._spoken if fields.get("type") in _READ else self._further
        block = _Block(dict(fields), room)
        if not room.takes(block.fields):
            return block
        if len(self._blocks) < MOST_BLOCKS:
            self._blocks.append(block)
            self._open[_hashable(index)] = block
        else:
            self._fault = self._fault or f"it has more than {MOST_BLOCKS:,} parts"
        return block

    def _extend(self, index: Json, delta: Mapping[str, Any]) -> None:
        kind = delta.get("type")
        if not isinstance(kind, str):
            return
        block = self._open.get(_hashable(index))
        if block is None:
            if kind not in _IMPLIED:
                return
            block = self._begin(index, {"type": _IMPLIED[kind]})
        key = _DELTA_TEXT.get(kind)
        if key is not None:
            # A value that is not a text may still be the answer.
            found = delta.get(key)
            piece = found if isinstance(found, str) else text_of(found)
            if key != "signature":
                self.characters += len(piece)
            if piece and block.room.takes(piece):
                block.pieces.setdefault(key, []).append(piece)
        elif kind == "citations_delta" and self._further.takes(delta.get("citation")):
            block.citations.append(delta.get("citation"))

    def _end(self, said: Mapping[str, Any], usage: Json) -> None:
        reason = said.get("stop_reason")
        self.begun = True
        self.stop_reason = text_of(reason, MAX_FAILURE_CHARS) if reason else self.stop_reason
        self.stop_details = _object(said.get("stop_details")) or self.stop_details
        self._count(usage)
        # Only a count at the end covers the whole output.
        output = count_of(_object(usage).get("output_tokens"))
        self._output_counted = self._output_counted or bool(output)

    def _sendable(self) -> Iterator[tuple[dict[str, Json], str | None]]:
        """Yield the blocks that the API accepts back, each with the fault in its arguments."""
        for one in self._blocks:
            block, fault = one.whole(), None
            kind = block.get("type")
            # The API refuses empty text, and thinking that was cut off before its signature.
            if not isinstance(kind, str) or (kind == "text" and not block.get("text")):
                continue
            whole = one.closed and block.get("thinking")
            if kind == "thinking" and not (block.get("signature") or whole):
                continue
            if kind == "tool_use":
                block["input"], fault = arguments_of(block.get("input"))
            yield block, fault

    def _count(self, usage: object) -> None:
        # Every count is cumulative, and a gateway may leave one out or send a zero late.
        for name, value in _object(usage).items():
            if name in self._counts and value is not None:
                count = count_of(value)
                self._miscounted = self._miscounted or count is None
                self._counts[name] = max(self._counts[name], count or 0)


class _Block:
    """A content block as far as it has arrived.

    Args:
        fields: The fields with which the block began.
        room: Limits the size of all blocks that share it.
    """

    def __init__(self, fields: dict[str, Json], room: ReplyAllowance) -> None:
        self.fields = fields
        self.room = room
        self.pieces: dict[str, list[str]] = {}
        self.citations: list[Json] = []
        self.closed = False

    @property
    def says(self) -> bool:
        """Whether the block is anything but an empty text or an empty thought."""
        kind = self.fields.get("type")
        return kind not in {"text", "thinking"} or bool(self.fields.get(kind))

    def whole(self) -> dict[str, Json]:
        block = dict(self.fields)
        for key, pieces in self.pieces.items():
            if key == "partial_json":
                block["input"] = "".join(pieces)
            else:
                block[key] = text_of(block.get(key)) + "".join(pieces)
        if self.citations:
            cited = block.get("citations")
            before = cast("list[Json]", cited) if isinstance(cited, list) else []
            block["citations"] = [*before, *self.citations]
        return block


def _hashable(index: Json) -> Json:
    return index if isinstance(index, int | str) else None


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
