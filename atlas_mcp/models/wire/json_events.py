"""The JSON of an event, read as far as it can be.

Owns the reading of an event that is nested too deep or holds too many values: its fields are read
one by one, so that counts, texts and reasons in it are not lost, and the event records why the rest
is missing. Large events are read off the event loop.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from pydantic_core import from_json

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import TooDeep, read_json
from atlas_mcp.models.wire.event_lines import DONE, ErrorLine
from atlas_mcp.off_loop import off_loop

LARGE_BYTES = 32_768
"""Bytes from which an event is read off the event loop. Our own choice: a shorter one takes some
milliseconds at worst."""

LEVELS = 8
"""Levels that are read of an event that has too many. Our own choice: a text's part, in the list of
parts of a message, in a choice, is at the sixth level."""

WIDE = f"an event of it holds more than {MOST_PARTS:,} values"
DEEP = "an event of it is nested too deep"

What: TypeAlias = Literal["data", "error", "done", "unreadable"]

_MOST_BRACKETS = 10 * MOST_PARTS
"""Brackets and strings that are scanned to find the end of a value: half a second of work."""

_STRING = rb'"(?:[^"\\]|\\.)*+"'
_NAME = re.compile(rb"\s*(" + _STRING + rb")\s*:\s*", re.DOTALL)
_BRACKET = re.compile(_STRING + rb'|[{}\[\]"]', re.DOTALL)
_PLAIN = re.compile(_STRING + rb"|[^,{}\[\]\"]+", re.DOTALL)
_NEXT = re.compile(rb"\s*,")
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_QUOTE = ord('"')


class Event(NamedTuple):
    """An event as far as it could be read.

    Attributes:
        what: The kind of event: data, an error of llama.cpp's, the end mark, or invalid JSON.
        value: The JSON of the event; for an error its text.
        fault: Why some or all of the event is lost; `None` if nothing is.
    """

    what: What
    value: Json = None
    fault: str | None = None


async def event_of(data: bytes) -> Event:
    """Return the event with this data, read in a thread because it may be large."""
    return await off_loop("events", lambda: read_event(data))


def read_event(data: bytes) -> Event:
    """Return the event with this data."""
    if isinstance(data, ErrorLine):
        return Event("error", data.decode(errors="replace"))
    if data.startswith(DONE):
        return Event("done")
    if has_too_many_parts(data):
        return _in_part(data, WIDE)
    try:
        return Event("data", _read(data))
    except TooDeep as error:
        if data[:1] == b"{":
            return _in_part(data, DEEP)
        return Event("unreadable", fault=str(error))
    except ValueError as error:
        return Event("unreadable", fault=str(error))


def _read(data: bytes) -> Json:
    """Read JSON, with the quick parser first and then with one that accepts all valid JSON.

    Raises:
        TooDeep: The JSON has more levels than the quick parser reads.
        ValueError: The data are no valid JSON.
    """
    try:
        return from_json(data, allow_inf_nan=False, cache_strings="none")
    except ValueError as quick:
        if "recursion" in str(quick):
            raise TooDeep(DEEP) from None
        return read_json(data)


def _in_part(data: bytes, fault: str) -> Event:
    """Return an object without the fields, and the levels, that cannot be read."""
    found: dict[str, Any] = {}
    # The counts are most often last, behind a field whose end may not be found.
    counts = data.rfind(b'"usage"')
    ends = [data] if counts < 0 else [data, b"{" + data[counts:]]
    for name, value in chain.from_iterable(_fields(text) for text in ends):
        for text in (value, _shallow(value)):
            with contextlib.suppress(ValueError):
                key = cast("str", read_json(name))
                if key not in found and not has_too_many_parts(text):
                    found[key] = _read(text)
    return Event("data", found, fault)


def _fields(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the value of each field of an object, both as raw JSON."""
    at = data.find(b"{") + 1
    while (named := _NAME.match(data, at)) is not None:
        end = _end(data, named.end())
        if end is None:
            return
        yield named[1], data[named.end() : end]
        further = _NEXT.match(data, end)
        if further is None:
            return
        at = further.end()


def _end(data: bytes, at: int) -> int | None:
    """Return where a value ends, `None` if that cannot be found."""
    if data[at : at + 1] not in {b"{", b"["}:
        plain = _PLAIN.match(data, at)
        return None if plain is None else plain.end()
    depth = 0
    for match in islice(_BRACKET.finditer(data, at), _MOST_BRACKETS):
        start = match.start()
        found = data[start]
        if found == _QUOTE:
            if match.end() == start + 1:
                return None
            continue
        depth += _STEPS[found]
        if not depth:
            return start + 1
    return None


def _shallow(data: bytes) -> bytes:
    """Return a text of JSON with `null` in place of the values deeper than `LEVELS`."""
    kept: list[bytes] = []
    depth = done = 0
    for match in islice(_BRACKET.finditer(data), _MOST_BRACKETS):
        start = match.start()
        step = _STEPS.get(data[start], 0)
        depth += step
        if step > 0 and depth == LEVELS:
            kept.append(data[done:start])
        elif step < 0 and depth == LEVELS - 1:
            kept.append(b"null")
            done = start + 1
    return b"".join([*kept, data[done:]])
