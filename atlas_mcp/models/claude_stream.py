"""The event stream of a reply of the Messages API, read into the message it spells.

Owns the wire format: bytes in, content blocks, counts and stop reason out. Does no I/O and knows no
vendor library: the client library builds a validated object for each event, which costs several
times what reading the stream costs.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic_core import from_json

from atlas_mcp.atlas.messages import Json
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
        self.stop_details: dict[str, Json] = {}
        self.started = False
        self.done = False
        self.characters = 0
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._block: dict[str, Json] = {}
        self._pieces: dict[str, list[str]] = {}

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

    def feed(self, chunk: bytes) -> None:
        """Read some more of the stream, cut anywhere.

        Raises:
            StreamFailed: The API reports an error.
            StreamGarbled: This is no stream of the Messages API.
        """
        self._rest.append(chunk)
        if b"\n" not in chunk:
            # A long line may come in a thousand pieces; they are put together once.
            return
        lines = b"".join(self._rest).split(b"\n")
        self._rest = [lines.pop()]
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif self._data and line in {b"", b"\r"}:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data.clear()
                try:
                    self._read(from_json(data))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise StreamGarbled(type(error).__name__) from error

    def _read(self, event: Any) -> None:
        match event["type"]:
            case "content_block_delta":
                self._extend(event["delta"])
            case "content_block_start":
                self._block = dict(event["content_block"])
                self._pieces = {}
            case "content_block_stop":
                self._close_block()
            case "message_start":
                self.started = True
                self._count(event["message"]["usage"])
            case "message_delta":
                self.stop_reason = event["delta"].get("stop_reason") or self.stop_reason
                self.stop_details = event["delta"].get("stop_details") or self.stop_details
                self._count(event.get("usage") or {})
            case "message_stop":
                self.done = True
            case "error":
                problem = event["error"]
                raise StreamFailed(str(problem["type"]), str(problem.get("message") or ""))
            case _:  # pings, and what the API may add
                pass

    def _extend(self, delta: dict[str, Any]) -> None:
        key = _DELTA_TEXT.get(delta["type"])
        if key is not None:
            piece: str = delta[key]
            self._pieces.setdefault(key, []).append(piece)
            if key != "signature":
                self.characters += len(piece)
        elif delta["type"] == "citations_delta":
            self._block["citations"] = [*(self._block.get("citations") or ()), delta["citation"]]

    def _close_block(self) -> None:
        block = self._block
        for key, pieces in self._pieces.items():
            if key == "partial_json":
                block["input"] = _arguments("".join(pieces))
            else:
                block[key] = (block.get(key) or "") + "".join(pieces)
        kind = block["type"]
        # What the API refuses to take back: text without a character, and thinking that was cut
        # off before its signature.
        if (kind == "text" and not block.get("text")) or (
            kind == "thinking" and not block.get("signature")
        ):
            return
        self.content.append(block)

    def _count(self, usage: dict[str, Any]) -> None:
        # Every count is cumulative, and a gateway may leave one out or send a zero late.
        for name in _COUNTS:
            self._counts[name] = max(self._counts[name], int(usage.get(name) or 0))


def _arguments(text: str) -> Json:
    """Return the arguments of a tool call; none if they are unusable, as when they were cut off."""
    try:
        arguments: Json = from_json(text) if text else {}
    except ValueError:
        return {}
    return cast("Json", arguments) if isinstance(arguments, dict) else {}
