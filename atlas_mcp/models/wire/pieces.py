"""A message that comes in pieces, put together in time linear in the number of pieces.

Owns the rules of addition: text to text, calls by their index, objects by their keys. The size of a
message is bounded, and an attribute tells when something did not fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from typing_extensions import override

from atlas_mcp.atlas.arrived import MAX_TOOL_CALLS
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import MAX_CHARS, MAX_NAME_CHARS, MAX_VALUES

Fields: TypeAlias = Mapping[str, Any]
"""A JSON object of an endpoint."""

TEXTS = frozenset(
    {"content", "refusal", "reasoning", "reasoning_content", "arguments", "text", "summary", "data"}
)
"""Fields that come in pieces. For any other field the last value counts, as some endpoints repeat
names and ids."""

CALLS = "tool_calls"

ARGUMENTS = "arguments"

SPOKEN = frozenset({"content", "refusal", CALLS})
"""Fields of a message that are read. The other fields use up an allowance of their own."""

MOST_DIGITS = 10
"""Limit on the digits of an index that is sent as text, which must have fewer."""

LEVELS = 8
"""Levels of a message that come in pieces; deeper values come whole."""


class ReplyAllowance:
    """The characters of a reply that may still be kept; at first as many as a record stores."""

    def __init__(self) -> None:
        self._left = MAX_CHARS

    def takes(self, value: Json, instead: Json = None) -> bool:
        """Use up the room for a value; return whether there was any room left.

        Args:
            value: The value.
            instead: The value that it replaces.
        """
        if self._left <= 0:
            return False
        self._left -= _size(value) - (0 if instead is None else _size(instead))
        return True


def _size(value: Json) -> int:
    """Return roughly the number of characters of a value as JSON."""
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
    """A JSON object as far as it has arrived.

    Args:
        level: The depth of the object in the message.
        room: Limits the size of the reply; shared with the other parts of the message.

    Attributes:
        full: Whether a list in the object had more parts than are kept.
    """

    def __init__(self, level: int = 0, room: ReplyAllowance | None = None) -> None:
        self.full = False
        self._fields: dict[str, Any] = {}
        self._level = level
        self._room = room or ReplyAllowance()
        self._spoken = self._room if level else ReplyAllowance()

    def add(self, delta: Fields) -> None:
        """Add the next piece of the object to the earlier ones."""
        for key, value in delta.items():
            before = self._fields.get(key)
            if _says_nothing(value, before):
                continue
            if isinstance(before, _Text | Pieces | _Parts) and before.takes(value):
                before.add(value)
            elif key == "name" and isinstance(before, str) and isinstance(value, str):
                self._begin(key, _joined_name(before, value), before)
            else:
                self._begin(key, value, before)
            after = self._fields.get(key)
            self.full = self.full or (isinstance(after, Pieces | _Parts) and after.full)

    def takes(self, value: Json) -> bool:
        """Return whether a value can be a further piece of this object."""
        return isinstance(value, dict)

    def part(self, key: str) -> Any:
        """Return a field as far as it has arrived, which may be in pieces."""
        return self._fields.get(key)

    def get(self, key: str) -> Json:
        """Return the value of a field so far, `None` if there is none."""
        return _whole(self._fields.get(key))

    def whole(self) -> dict[str, Any]:
        """Return the whole object as it is so far."""
        return {key: _whole(value) for key, value in self._fields.items()}

    def _begin(self, key: str, value: Json, before: Any) -> None:
        """Set a field anew, if there is room for it."""
        room = self._spoken if key in SPOKEN else self._room
        if isinstance(value, str) and key == ARGUMENTS:
            begun: Any = _Arguments(room)
        elif isinstance(value, str) and key in TEXTS:
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
        room: Limits the size of the reply.
    """

    def __init__(self, room: ReplyAllowance) -> None:
        self._pieces: list[str] = []
        self._room = room

    def takes(self, value: Json) -> bool:
        return isinstance(value, str)

    def add(self, piece: str) -> None:
        if piece and self._room.takes(piece):
            self._pieces.append(piece)

    def whole(self) -> str:
        return "".join(self._pieces)


class _Arguments(_Text):
    """The arguments of a call: an object of JSON, as a text in pieces.

    Some endpoints repeat all earlier text in each piece, or send the whole once more at the end.

    Attributes:
        is_whole: Whether the object has come to its end.
        length: Characters of the object so far.
    """

    def __init__(self, room: ReplyAllowance) -> None:
        super().__init__(room)
        self.is_whole = False
        self.length = 0
        self._depth = 0
        self._in_string = self._escaped = False

    @override
    def add(self, piece: str) -> None:
        if self.length and self._is_all_of_it(piece):
            self._pieces.clear()
            self.length = self._depth = 0
            self._in_string = self._escaped = self.is_whole = False
        super().add(piece)
        self.length += len(piece)
        self._follow(piece)

    def _is_all_of_it(self, piece: str) -> bool:
        """Return whether a piece repeats all earlier text, in time linear in its length.

        An object that continues would never repeat its own beginning.
        """
        if not piece.startswith("{") or len(piece) < self.length:
            return False
        before = self.whole()
        return before == "{}" or (before.startswith("{") and piece.startswith(before))

    def _follow(self, piece: str) -> None:
        for found in _MARK.finditer(piece, 1 if self._escaped and piece else 0):
            mark = found[0]
            if mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string and mark in "{}":
                self._depth += 1 if mark == "{" else -1
                self.is_whole = self._depth == 0
        if piece:
            left = piece[1:] if self._escaped else piece
            self._escaped = (len(left) - len(left.rstrip("\\"))) % 2 == 1


_MARK = re.compile(r'\\.|["{}]', re.DOTALL)
"""The marks by which the end of a JSON object is found: escapes, quotes and braces."""


class _Parts:
    """A list whose parts come in pieces, each with the index of its part.

    Args:
        level: The depth of the list in the message.
        room: Limits the size of the reply.
        calls: Whether its parts are calls. A piece that names no call continues the last one.
    """

    def __init__(self, level: int, room: ReplyAllowance, *, calls: bool) -> None:
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
            # The piece begins a call beyond the limit, or belongs to one that was left out.
            self.full = True
            return
        if mine is None and self._calls and isinstance(last, Pieces) and not _begins(last, piece):
            # The piece continues the last call, whatever index it has.
            piece = {key: value for key, value in piece.items() if key != "index"}
            mine = last
        if mine is not None and (_continues if self._calls else _has_no_other_id)(mine, piece):
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
    """Return the index of a part, which some endpoints write as text or with a decimal point."""
    index = cast("Fields", piece).get("index")
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < MOST_DIGITS:
        return int(index)
    if isinstance(index, float) and index.is_integer():
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _place(part: Json) -> int:
    return _index(part) or 0


def _has_no_other_id(part: Pieces, piece: Fields) -> bool:
    return not piece.get("id") or part.get("id") in (None, "", piece["id"])


def _begins(last: Pieces, piece: Fields) -> bool:
    """Return whether a piece with an unknown index begins a call; if not, it continues the last.

    A piece without id and name continues the last call. A piece that repeats the call's name
    continues its arguments if these have not come to their end.
    """
    if not (piece.get("id") or _name_in(piece)):
        return False
    if _name_in(piece) and _index(piece) is not None:
        return True
    if piece.get("id") and _has_no_other_id(last, piece) and last.get("id"):
        return False
    if not _name_in(piece):
        # Some endpoints send another id with each piece.
        return not _arguments_in(piece)
    return not (_is_cut(last) and not _opens(piece))


def _continues(part: Pieces, piece: Fields) -> bool:
    """Return whether a piece belongs to the call with the same index.

    Google's endpoint gives all calls of a turn one index, and each call an id and a name of its
    own. Other endpoints send an id for each piece, or no ids and one index for all calls.
    """
    if not _name_in(piece) or (piece.get("id") and piece["id"] == part.get("id")):
        return True
    if _is_cut(part) and not _opens(piece):
        return True
    function = part.part("function")
    written = function.part(ARGUMENTS) if isinstance(function, Pieces) else None
    if isinstance(written, _Arguments) and written.is_whole and _opens(piece):
        again: Json = _arguments_in(piece)
        same = len(again) == written.length and again == written.whole()
        return not piece.get("id") and same
    return _has_no_other_id(part, piece)


def _is_cut(part: Pieces) -> bool:
    """Return whether the arguments of a call have begun but not ended."""
    function = part.part("function")
    written = function.part(ARGUMENTS) if isinstance(function, Pieces) else None
    return isinstance(written, _Arguments) and not written.is_whole and written.length > 0


def _opens(piece: Fields) -> bool:
    """Return whether a piece holds the beginning of arguments."""
    found = _arguments_in(piece)
    return isinstance(found, Mapping) or (isinstance(found, str) and found.lstrip()[:1] == "{")


def _function_in(piece: Fields) -> Fields:
    function = piece.get("function")
    return cast("Fields", function) if isinstance(function, Mapping) else {}


def _name_in(piece: Fields) -> Json:
    return _function_in(piece).get("name")


def _arguments_in(piece: Fields) -> Json:
    return _function_in(piece).get(ARGUMENTS)


def _says_nothing(value: Json, before: Json) -> bool:
    """Return whether a field adds nothing: some endpoints repeat keys without their values."""
    return value is None or (value == "" and bool(before))


def _joined_name(before: str, value: str) -> str:
    """Return a name after a further piece, which may also be the whole name again."""
    if value.startswith(before) or len(before) > MAX_NAME_CHARS:
        return value
    return before + value


def _whole(value: Json) -> Json:
    return value.whole() if isinstance(value, _Text | Pieces | _Parts) else value
