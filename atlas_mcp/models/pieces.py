"""A message that comes in pieces, put together in as much work as there are pieces.

Owns what adds up: text to text, calls by their index, objects by their keys. What a message may
hold is bounded, and it says when something did not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from atlas_mcp.atlas.calls import MAX_TOOL_CALLS
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import MAX_CHARS, MAX_VALUES

Fields: TypeAlias = Mapping[str, Any]
"""A JSON object of an endpoint."""

TEXTS = frozenset(
    {"content", "refusal", "reasoning", "reasoning_content", "arguments", "text", "summary", "data"}
)
"""Fields that come in pieces. Of any other that comes again, the last holds: names and ids are
repeated by some endpoints."""

CALLS = "tool_calls"

SPOKEN = frozenset({"content", "refusal", CALLS})
"""Fields of a message that are read. What else it holds takes no room of theirs."""

LEVELS = 8
"""Levels of a message that come in pieces; what is deeper comes whole."""


class Room:
    """How much of a reply is kept, in characters: as much as is stored of one."""

    def __init__(self) -> None:
        self._left = MAX_CHARS

    def takes(self, value: Json, instead: Json = None) -> bool:
        """Take in a value, if there is room left; return whether there is.

        Args:
            value: The value.
            instead: What it comes in place of.
        """
        if self._left <= 0:
            return False
        self._left -= _size(value) - (0 if instead is None else _size(instead))
        return True


def _size(value: Json) -> int:
    """Return about how many characters a value is written in."""
    size = 0
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        size += 1 + (len(one) if isinstance(one, str) else 0)
        if isinstance(one, list):
            todo += cast("list[Any]", one)
        elif isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            todo += [*fields, *fields.values()]
    return size


class Pieces:
    """An object as far as it has come.

    Args:
        level: How deep it is.
        room: Bounds what is kept of the reply; one that is given is shared.

    Attributes:
        full: Whether something was left out, as there was more of it than is kept.
    """

    def __init__(self, level: int = 0, room: Room | None = None) -> None:
        self.full = False
        self._fields: dict[str, Any] = {}
        self._level = level
        self._room = room or Room()
        self._spoken = self._room if level else Room()

    def add(self, delta: Fields) -> None:
        """Add what comes next to what came before."""
        for key, value in delta.items():
            if value is None:
                continue
            before = self._fields.get(key)
            if isinstance(before, _Text | Pieces | _Parts) and before.takes(value):
                before.add(value)
            else:
                self._begin(key, value, before)
            after = self._fields.get(key)
            self.full = self.full or (isinstance(after, Pieces | _Parts) and after.full)

    def takes(self, value: Json) -> bool:
        """Return whether a value goes on with this one."""
        return isinstance(value, dict)

    def get(self, key: str) -> Json:
        """Return the value of a field so far, `None` if there is none."""
        return _whole(self._fields.get(key))

    def whole(self) -> dict[str, Any]:
        """Return all of it as it is so far."""
        return {key: _whole(value) for key, value in self._fields.items()}

    def _begin(self, key: str, value: Json, before: Any) -> None:
        """Set a field anew, if there is room for it."""
        room = self._spoken if key in SPOKEN else self._room
        begun: Any
        if isinstance(value, str) and key in TEXTS:
            begun = _Text(room)
        elif isinstance(value, dict) and self._level < LEVELS:
            begun = Pieces(self._level + 1, room)
        elif isinstance(value, list) and self._level < LEVELS:
            begun = _Parts(self._level + 1, room, calls=key == CALLS)
        else:
            if room.takes([key, value], None if before is None else [key, _whole(before)]):
                self._fields[key] = value
            return
        if before is not None or room.takes(key):
            begun.add(value)
            self._fields[key] = begun


class _Text:
    """A text in pieces.

    Args:
        room: Bounds what is kept of the reply.
    """

    def __init__(self, room: Room) -> None:
        self._pieces: list[str] = []
        self._room = room

    def takes(self, value: Json) -> bool:
        return isinstance(value, str)

    def add(self, piece: str) -> None:
        if piece and self._room.takes(piece):
            self._pieces.append(piece)

    def whole(self) -> str:
        return "".join(self._pieces)


class _Parts:
    """A list whose parts come in pieces, each with the index of its part.

    Args:
        level: How deep it is.
        room: Bounds what is kept of the reply.
        calls: Whether its parts are calls. A piece that names none goes on with the one before it.
    """

    def __init__(self, level: int, room: Room, *, calls: bool) -> None:
        self.full = False
        self._level = level
        self._room = room
        self._calls = calls
        self._parts: list[Json] = []
        self._latest: dict[int, Pieces] = {}

    def takes(self, value: Json) -> bool:
        return isinstance(value, list)

    def add(self, pieces: list[Json]) -> None:
        for piece in pieces:
            if isinstance(piece, dict):
                self._add(cast("Fields", piece))
            elif self._room.takes(piece):
                self._append(piece)

    def whole(self) -> list[Json]:
        found = [_whole(part) for part in self._parts]
        numbered = all(isinstance(part, Mapping) and _index(part) is not None for part in found)
        return sorted(found, key=_place) if numbered else found

    def _add(self, piece: Fields) -> None:
        index = _index(piece)
        mine = None if index is None else self._latest.get(index)
        last = self._parts[-1] if self._parts else None
        if mine is None and index is not None and self._calls and self._is_full:
            # Of a call that was left out, or the beginning of one.
            self.full = True
            return
        if mine is None and self._calls and isinstance(last, Pieces) and not _names_a_call(piece):
            # Whatever index it has.
            piece = {key: value for key, value in piece.items() if key != "index"}
            mine = last
        if mine is not None and _continues(mine, piece):
            mine.add(piece)
            self.full = self.full or mine.full
            return
        if not self._room.takes({}):
            return
        begun = Pieces(self._level + 1, self._room)
        begun.add(piece)
        if self._append(begun) and index is not None:
            self._latest[index] = begun

    @property
    def _is_full(self) -> bool:
        return len(self._parts) >= (MAX_TOOL_CALLS if self._calls else MAX_VALUES)

    def _append(self, part: Json) -> bool:
        if self._is_full:
            self.full = True
            return False
        self._parts.append(part)
        return True


def _index(piece: Json) -> int | None:
    index = cast("Fields", piece).get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _place(part: Json) -> int:
    return _index(part) or 0


def _continues(part: Pieces, piece: Fields) -> bool:
    """Return whether `piece` belongs to `part`, which has its index.

    Google's endpoint gives all calls of a turn one index, and each an id of its own.
    """
    return not piece.get("id") or part.get("id") in {None, "", piece["id"]}


def _names_a_call(piece: Fields) -> bool:
    function = piece.get("function")
    named = isinstance(function, Mapping) and cast("Fields", function).get("name")
    return bool(piece.get("id") or named)


def _whole(value: Json) -> Json:
    return value.whole() if isinstance(value, _Text | Pieces | _Parts) else value
