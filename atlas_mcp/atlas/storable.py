"""Values that can always be stored and always be read back.

Owns the way from a model's or an endpoint's value to plain JSON: bounded in depth, size and digits,
with text in place of numbers that JSON cannot write, and without half characters. Never raises,
except for `read_json` on a text that is not JSON.
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

MAX_SECONDS = 10**9
"""Most seconds that a vendor may ask to wait: about thirty years mean never."""

MAX_COST_USD = Decimal(1_000_000)
"""US dollars of one call that are believed."""

MAX_NAME_CHARS = 200
"""Characters of a tool call's id or name. Our own choice: vendors' own have up to 64."""

MAX_FAILURE_CHARS = 2_000
"""Characters of the message of a failure. Our own choice: four times what endpoints send."""

_TOO_LARGE = 10**MAX_DIGITS
_PLACES = Decimal("1e-12")

_LEAVES = frozenset({str, int, float, bool, type(None), bytes, Decimal})
"""Types of values without values in them. Nearly all are of these, and to ask an abstract class
for each of them takes most of the time of a search."""

_Slot: TypeAlias = tuple[Json, dict[str, Json] | list[Json], str | int, int]
"""A value, the container it goes into, where in it, and how deep that is."""


class TooDeep(ValueError):
    """A text is JSON as far as it was read, and nested too deep to be read on."""


def read_json(text: str | bytes) -> Json:
    """Read JSON as models and endpoints write it.

    `NaN`, infinities and whole numbers of more than `MAX_DIGITS` digits are read as text; bytes
    that are not UTF-8 are replaced.

    Raises:
        ValueError: The text is not JSON, or `TooDeep`.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise TooDeep("it is nested too deep") from None


@dataclasses.dataclass(slots=True)
class Allowance:
    """How much may still be kept of several values together.

    Attributes:
        values: Further values, at all levels together.
        chars: Further characters, of all texts together.
    """

    values: int = MAX_VALUES
    chars: int = MAX_CHARS

    @property
    def is_full(self) -> bool:
        """Whether it is used up, so that something may have been left out."""
        return self.values <= 0 or self.chars <= 0


def plain(value: object, allowance: Allowance | None = None) -> Json:
    """Return `value` as JSON within the bounds of this module, which every codec keeps whole.

    Parts beyond a bound are left out, and a mark stands in their place. Dataclasses become objects;
    other values that JSON does not have become text.

    Args:
        value: Anything.
        allowance: How much may be kept of it; reduced by what is kept. By default, the bounds for
            one value.
    """
    allowance = allowance or Allowance()
    kept: Json
    top: list[Json] = [None]
    waiting: deque[_Slot] = deque([(value, top, 0, 0)])
    while waiting:
        one, into, where, depth = waiting.popleft()
        items = _items(one)
        if items is None:
            limit = min(allowance.chars, MAX_TEXT_CHARS)
            kept = text_of(one, limit) if isinstance(one, str) else _leaf(one)
            allowance.chars -= len(kept) if isinstance(kept, str) else 0
        elif depth >= MAX_DEPTH:
            kept = f"{CUT} nested deeper than {MAX_DEPTH} levels"
        else:
            kept = {} if isinstance(items, Mapping) else []
            inner = _slots(items, kept, depth + 1, max(0, allowance.values))
            allowance.values -= len(items)
            waiting.extend(inner)
        # `_slots` has made a place in the container for everything that goes into it.
        cast("dict[str | int, Json]", into)[where] = kept
    return top[0]


def why_unstorable(value: Json) -> str | None:
    """Return why `value` is too deep or too large to be kept whole; `None` if it is neither."""
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
    """Return whether a value holds at most `values` values and `chars` characters of text."""
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
    """Return `value` as text, cut after `limit` characters with a mark; `None` is empty."""
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


def failure_text(value: object, limit: int = MAX_FAILURE_CHARS) -> str:
    """Return the message of a failure as text that can be stored, cut after `limit` characters."""
    return text_of(value, limit)


def in_sentence(value: object, limit: int = 80) -> str:
    """Return `value` for use within a sentence: short, and in quotes if it is text."""
    text = text_of(value, limit)
    return repr(text) if isinstance(value, str) else text


def unique_id(value: object, taken: Collection[str], number: int) -> str:
    """Return an id for a tool call that no other call of its turn has: results name their call.

    Args:
        value: The endpoint's own id; some endpoints send none, or the same for all calls.
        taken: The ids of the calls before it.
        number: The number of these calls.
    """
    name = text_of(value, MAX_NAME_CHARS) if isinstance(value, str | int | float) else ""
    if name and name not in taken:
        return name
    while (name := f"call-{number}") in taken:
        number += 1
    return name


def count_of(value: object) -> int | None:
    """Return a count of tokens or requests, `None` where `value` is not a believable one.

    Some endpoints write whole numbers with a fraction, as `12.0`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_COUNT:
        return None
    return int(value)


def dollars_of(value: object) -> Cost:
    """Return an amount of US dollars, `None` where `value` is not a believable one."""
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


def seconds_of(value: object) -> float | None:
    """Return seconds that a vendor states, `None` where `value` is no believable number.

    A larger one than `MAX_SECONDS` is that one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A comparison takes an integer of any length, of which no float can be made.
    return float(min(value, MAX_SECONDS)) if value >= 0 else None


def _items(value: object) -> Mapping[object, object] | Sequence[object] | None:
    """Return the values in a value, by their names or in their order; `None` for a leaf."""
    if type(value) in _LEAVES:
        return None
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
    most: int,
) -> list[_Slot]:
    """Return at most `most` items, and make a place in their container for each."""
    if isinstance(into, dict):
        pairs = cast("Mapping[object, object]", items).items()
        named = [(text_of(key), value) for key, value in pairs][:most]
        into.update((key, None) for key, _ in named)
        return [(value, into, key, depth) for key, value in named]
    into.extend([None] * min(len(items), most))
    if len(items) > most:
        into.append(CUT)
    some = cast("Sequence[object]", items)[:most]
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
    # Models write line breaks within a string, which JSON forbids.
    strict=False,
)
"""Reads JSON as `read_json` does, also from the middle of a text."""
