"""The content blocks of a reply of the Messages API, as far as they have arrived.

Owns the pieces of each block and the limits on their number and size, and makes the model's turn of
them. Does no I/O. The events that bring the pieces are read in `models.claude.stream`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from atlas_mcp.atlas.messages import AssistantTurn, Json, ToolCall
from atlas_mcp.atlas.storable import MAX_NAME_CHARS, text_of, unique_id
from atlas_mcp.models.wire.pieces import ReplyAllowance
from atlas_mcp.models.wire.tool_arguments import arguments_of

MOST_BLOCKS = 10_000
"""Content blocks of one reply that are kept. Our own choice: ten times the limit on tool calls."""

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


class Blocks:
    """The content blocks of a reply.

    Attributes:
        characters: Characters of output so far, thinking included.
        fault: Why blocks were left out; `None` where all are kept.
    """

    def __init__(self) -> None:
        self.characters = 0
        self.fault: str | None = None
        self._blocks: list[_Block] = []
        self._open: dict[Json, _Block] = {}
        # Blocks that are read have an allowance of their own.
        self._spoken, self._further = ReplyAllowance(), ReplyAllowance()

    @property
    def are_closed(self) -> bool:
        """Whether the end of every block has come."""
        return all(block.closed for block in self._blocks)

    @property
    def wrote(self) -> bool:
        """Whether the model wrote anything, even if only the name of a call."""
        return self.characters > 0 or any(block.says for block in self._blocks)

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

    def begin(self, index: Json, fields: Mapping[str, Any]) -> _Block:
        """Begin the block with an index, and return it.

        Args:
            index: The index, by which the API names the block until its end.
            fields: The fields with which the block begins.
        """
        room = self._spoken if fields.get("type") in _READ else self._further
        block = _Block(dict(fields), room)
        if not room.takes(block.fields):
            return block
        if len(self._blocks) < MOST_BLOCKS:
            self._blocks.append(block)
            self._open[_hashable(index)] = block
        else:
            self.fault = self.fault or f"it has more than {MOST_BLOCKS:,} parts"
        return block

    def extend(self, index: Json, delta: Mapping[str, Any]) -> bool:
        """Add a piece to the block with an index; return whether that began the block."""
        kind = delta.get("type")
        if not isinstance(kind, str):
            return False
        block = self._open.get(_hashable(index))
        begins = block is None
        if block is None:
            if kind not in _IMPLIED:
                return False
            block = self.begin(index, {"type": _IMPLIED[kind]})
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
        return begins

    def close(self, index: Json) -> None:
        """End the block with an index."""
        block = self._open.pop(_hashable(index), None)
        if block is not None:
            block.closed = True

    def add_whole(self, parts: list[Json]) -> None:
        """Add the blocks of a reply that was not streamed."""
        for number, part in enumerate(parts):
            block = self.begin(
                number, cast("Mapping[str, Any]", part) if isinstance(part, dict) else {}
            )
            block.closed = True
            self.characters += sum(
                len(text_of(block.fields.get(key))) for key in ("text", "thinking", "input")
            )

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
