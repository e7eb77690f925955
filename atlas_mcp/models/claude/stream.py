"""The event stream of a reply of the Messages API, read into a message.

Owns the meaning of events: events in, counts and stop reason out; the content is put together in
`models.claude.blocks`. Does no I/O and knows no vendor library: the client library builds a
validated object for each event, which takes several times as long as reading the stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from atlas_mcp.atlas.messages import AssistantTurn, Json
from atlas_mcp.atlas.storable import (
    MAX_FAILURE_CHARS,
    count_of,
    failure_text,
    text_of,
)
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.claude.blocks import Blocks
from atlas_mcp.models.wire.json_events import Event

_COUNTS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)


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
        unreadable: Why an event is not valid JSON; `None` where all are.
    """

    def __init__(self) -> None:
        self.stop_reason: str | None = None
        self.stop_details: Mapping[str, Json] = {}
        self.started = False
        self.begun = False
        self.done = False
        self.unreadable: str | None = None
        self._fault: str | None = None
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._miscounted = False
        self._output_counted = False
        self._blocks = Blocks()

    @property
    def characters(self) -> int:
        """Characters of output so far, thinking included."""
        return self._blocks.characters

    @property
    def complete(self) -> bool:
        """Whether the reply has its stop reason or its end mark; only marks may be missing."""
        return self.begun and (self.done or self.stop_reason is not None)

    @property
    def fault(self) -> str | None:
        """Why the reply cannot be understood, though it is finished; `None` if it can be."""
        fault = self._fault or self._blocks.fault
        if fault is not None:
            return fault
        unreadable = self.unreadable
        return unreadable and f"a part of it could not be read ({unreadable})"

    @property
    def lacks(self) -> str | None:
        """The part of the stream that the API always sends and that is missing; `None` if none."""
        if not self.started:
            return "it lacks its beginning"
        if not self.stop_reason:
            return "it lacks the reason for its end"
        if not self._blocks.are_closed:
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
        whole = self._output_counted or not self._blocks.wrote
        return whole and self.usage.input_tokens > 0 and not self._miscounted

    @property
    def turn(self) -> AssistantTurn:
        """The model's turn, with the message as it must be sent back."""
        return self._blocks.turn

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
            fields = cast("dict[str, Any]", value)
            if event.fault is not None and not self.complete:
                if fields.get("type") in _WORDLESS:
                    # The lost part of the event is not output, but may be the counts.
                    self._miscounted = True
                else:
                    self._fault = self._fault or event.fault
            self._read(fields)
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
        self._blocks.add_whole(parts)
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
                if self._blocks.extend(event.get("index"), _object(event.get("delta"))):
                    self.begun = True
            case "content_block_start":
                self.begun = True
                self._blocks.begin(event.get("index"), _object(event.get("content_block")))
            case "content_block_stop":
                self._blocks.close(event.get("index"))
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

    def _end(self, message: Mapping[str, Any], usage: Json) -> None:
        reason = message.get("stop_reason")
        self.begun = True
        self.stop_reason = text_of(reason, MAX_FAILURE_CHARS) if reason else self.stop_reason
        self.stop_details = _object(message.get("stop_details")) or self.stop_details
        self._count(usage)
        # Only a count at the end covers the whole output.
        output = count_of(_object(usage).get("output_tokens"))
        self._output_counted = self._output_counted or bool(output)

    def _count(self, usage: object) -> None:
        # Every count is cumulative, and a gateway may leave one out or send a zero late.
        for name, value in _object(usage).items():
            if name in self._counts and value is not None:
                count = count_of(value)
                self._miscounted = self._miscounted or count is None
                self._counts[name] = max(self._counts[name], count or 0)


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
