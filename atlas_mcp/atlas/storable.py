"""Values that can always be stored and always be read back.

Owns the one way from what a model or an endpoint wrote to plain JSON: bounded in depth, size and
digits, without numbers that JSON has no word for and without half characters. Never raises, save
`read_json` for what is no JSON.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.usage import Cost
from atlas_mcp.texts import CUT

MAX_DEPTH = 100
"""Levels of a value that are kept. Our own choice: half of the 200 that pydantic reads back, so
that records, views and protocol messages can hold it."""

MAX_VALUES = 200_000
"""Values within one value that are kept, at all levels together. Our own choice: a reply of
`MAX_TEXT_CHARS` that is nothing but digits and commas has more; no answer does."""

MAX_TEXT_CHARS = 1_000_000
"""Characters of one text that are kept. Our own choice: about 250,000 tokens, twice the longest
reply of current models."""

MAX_CHARS = 4 * MAX_TEXT_CHARS
"""Characters within one value that are kept, of all its texts together."""

MAX_DIGITS = 1_000
"""Digits of a whole number that is kept as a number. Python itself reads 4,300 at most."""

MAX_COUNT = 100_000_000
"""Tokens of one call that are believed. Our own choice: ten times the largest context there is."""

MAX_COST_USD = Decimal(1_000_000)
"""US dollars of one call that are believed."""

MAX_NAME_CHARS = 200
"""Characters of a tool call's id or name. Our own choice: vendors' own have up to 64."""

MAX_WORDS = 2_000
"""Characters of what is said of a failure. Our own choice: four times an endpoint's own words."""

_TOO_LARGE = 10**MAX_DIGITS
_PLACES = Decimal("1e-12")

_Slot: TypeAlias = tuple[Json, dict[str, Json] | list[Json], str | int, int]
"""A value, the container it goes into, where in it, and how deep that is."""


class TooDeep(ValueError):
    """A text is JSON, as far as it was read, and nested deeper than can be read."""


def read_json(text: str | bytes) -> Json:
    """Read JSON as models and endpoints write it.

    Numbers that JSON has no word for, and whole numbers of more than `MAX_DIGITS` digits, are read
    as the text they are written in; bytes that are no characters are replaced.

    Raises:
        ValueError: It is no JSON, or `TooDeep`.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise TooDeep("it is nested too deep") from None


@dataclasses.dataclass(slots=True)
class Room:
    """What is kept of some values together.

    Attributes:
        values: How many more, at all levels together.
        chars: How many more characters, of all their texts together.
    """

    values: int = MAX_VALUES
    chars: int = MAX_CHARS

    @property
    def is_full(self) -> bool:
        """Whether something may have been left out."""
        return self.values <= 0 or self.chars <= 0


def plain(value: object, room: Room | None = None) -> Json:
    """Return `value` as JSON that is kept whole by every codec: see the bounds of this module.

    What lies beyond a bound is left out, and a mark stands in its place. Dataclasses are taken for
    objects, and values that are none of JSON's for their text.

    Args:
        value: Anything.
        room: What is left for it, which becomes less; as much as one value gets if not given.
    """
    room = room or Room()
    kept: Json
    top: list[Json] = [None]
    waiting: deque[_Slot] = deque([(value, top, 0, 0)])
    while waiting:
        one, into, where, depth = waiting.popleft()
        items = _items(one)
        if items is None:
            limit = min(room.chars, MAX_TEXT_CHARS)
            kept = text_of(one, limit) if isinstance(one, str) else _leaf(one)
            room.chars -= len(kept) if isinstance(kept, str) else 0
        elif depth >= MAX_DEPTH:
            kept = f"{CUT} nested deeper than {MAX_DEPTH} levels"
        else:
            kept = {} if isinstance(items, Mapping) else []
            inner = _slots(items, kept, depth + 1, max(0, room.values))
            room.values -= len(items)
            waiting.extend(inner)
        # Containers of ours are made with a place for everything that goes into them.
        cast("dict[str | int, Json]", into)[where] = kept
    return top[0]


def fault_of(value: Json) -> str | None:
    """Return why `value` cannot be kept whole, `None` if it can; numbers and characters aside."""
    waiting: deque[tuple[Json, int]] = deque([(value, 0)])
    values = 0
    while waiting:
        one, depth = waiting.popleft()
        items = _items(one)
        if items is None:
            continue
        if depth >= MAX_DEPTH:
            return f"it is nested deeper than {MAX_DEPTH} levels"
        values += len(items)
        if values > MAX_VALUES:
            return f"it holds more than {MAX_VALUES:,} values"
        inner: Iterable[Json] = items.values() if isinstance(items, Mapping) else items
        waiting.extend((value, depth + 1) for value in inner)
    return None


def is_small(value: object, *, values: int, chars: int) -> bool:
    """Return whether a value has at most so many values within it, and characters in its texts."""
    waiting: deque[object] = deque([value])
    while waiting:
        one = waiting.popleft()
        items = _items(one)
        if items is None:
            chars -= len(one) if isinstance(one, str | bytes) else 0
        else:
            values -= len(items)
        if values < 0 or chars < 0:
            return False
        if items is not None:
            waiting.extend(items.values() if isinstance(items, Mapping) else items)
    return True


def text_of(value: object, limit: int = MAX_TEXT_CHARS) -> str:
    """Return `value` as text of at most `limit` characters and a mark; nothing for `None`."""
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    elif isinstance(value, bytes):
        text = value.decode(errors="replace")
    else:
        found = plain(value)
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    if len(text) > limit:
        text = text[: max(0, limit)] + CUT
    return _encodable(text)


def words_of(value: object, limit: int = MAX_WORDS) -> str:
    """Return what is said of a failure as text that can be stored."""
    return text_of(value, limit)


def quoted(value: object, limit: int = 80) -> str:
    """Return `value` as it is named in a sentence: short, and in quotes if it is a text."""
    text = text_of(value, limit)
    return repr(text) if isinstance(value, str) else text


def unique_id(value: object, taken: Collection[str], number: int) -> str:
    """Return a tool call's id as a text, and as no other's: each call is answered by its id.

    Args:
        value: What the endpoint calls it; some have no name for it, or one for all.
        taken: The ids of the calls before it.
        number: How many there are.
    """
    name = text_of(value, MAX_NAME_CHARS) if isinstance(value, str | int | float) else ""
    if name and name not in taken:
        return name
    while (name := f"call-{number}") in taken:
        number += 1
    return name


def count_of(value: object) -> int | None:
    """Return a count of tokens or requests, `None` for what cannot be believed to be one.

    Some endpoints write whole numbers as fractions.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_COUNT:
        return None
    return int(value)


def dollars_of(value: object) -> Cost:
    """Return US dollars, `None` for what cannot be believed to be any."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        dollars = value if isinstance(value, Decimal) else Decimal(str(value))
        if not (dollars.is_finite() and 0 <= dollars <= MAX_COST_USD):
            return None
        exponent = dollars.as_tuple().exponent
        tiny = isinstance(exponent, int) and exponent < -12
        return dollars.quantize(_PLACES) if tiny else dollars
    except (InvalidOperation, ValueError):
        return None


def _items(value: object) -> Mapping[object, object] | Sequence[object] | None:
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value)
    if isinstance(value, list | tuple):
        return cast("Sequence[object]", value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _slots(
    items: Mapping[object, object] | Sequence[object],
    into: dict[str, Json] | list[Json],
    depth: int,
    room: int,
) -> list[_Slot]:
    """Return what goes into a container, which gets a place for each."""
    if isinstance(into, dict):
        pairs = cast("Mapping[object, object]", items).items()
        named = [(text_of(key), value) for key, value in pairs][:room]
        into.update((key, None) for key, _ in named)
        return [(value, into, key, depth) for key, value in named]
    into.extend([None] * min(len(items), room))
    if len(items) > room:
        into.append(CUT)
    some = cast("Sequence[object]", items)[:room]
    return [(value, into, place, depth) for place, value in enumerate(some)]


def _leaf(value: object) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if -_TOO_LARGE < value < _TOO_LARGE:
            return int(value)
        sign = "-" if value < 0 else ""
        return f"{sign}10^{value.bit_length() * math.log10(2):.0f}"
    if isinstance(value, float):
        return value if math.isfinite(value) else _real(repr(value))
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, Decimal):
        return text_of(str(value))
    return f"{CUT} {type(value).__name__}"


def _encodable(text: str) -> str:
    """Return `text` with lone surrogates replaced: JSON may hold them, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _whole(text: str) -> int | str:
    return int(text) if len(text.removeprefix("-")) <= MAX_DIGITS else text


def _real(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if math.isfinite(number):
        return number
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)


DECODER = json.JSONDecoder(
    parse_int=_whole,
    parse_float=_real,
    parse_constant=str,
    # Models break the lines of a string, which JSON forbids and everyone can read.
    strict=False,
)
"""Reads JSON as `read_json` does, also from the middle of a text."""
