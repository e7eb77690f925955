"""The key of an answer: text, or a value under a schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import short_key, verbatim_key
from atlas_mcp.atlas.comparing.texts import text_key
from atlas_mcp.atlas.comparing.under_schema import value_key
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import plain

LONG_CHARS = 2_000
"""Characters of the longest text that is read into a form; a longer one is compared as it is."""

LONG_VALUES = 200
"""Values in the largest answer of which each is compared by its meaning, names of properties among
them; those of a larger one are compared as JSON."""

_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False)


def is_long(answer: Json) -> bool:
    """Return whether an answer is compared as it is written, whatever was asked."""
    values, chars = 1, 0
    waiting: list[Json] = [answer]
    while waiting and values <= LONG_VALUES and chars <= LONG_CHARS:
        value = waiting.pop()
        if isinstance(value, str):
            chars += len(value)
            continue
        parts = _parts(value)
        values += len(parts)
        if values <= LONG_VALUES:
            waiting.extend(parts)
    return values > LONG_VALUES or chars > LONG_CHARS


def answer_key(answer: Json, asked: Asked) -> str:
    """Return a short text that is equal for equal answers to what was asked."""
    if is_long(answer):
        return long_key(answer)
    try:
        if isinstance(answer, str) and asked.schema is None:
            return short_key(text_key(answer, asked))
        return short_key(_value_key(answer, asked))
    except (ArithmeticError, LookupError, MemoryError, RecursionError, ValueError):
        # Every view of a run groups its answers: one that a reader stumbles over must not close
        # the run to all of them. It equals what is written alike.
        return long_key(answer)


def long_key(answer: Json) -> str:
    """Return the key of a long answer, which does not depend on what was asked."""
    return short_key(
        verbatim_key(answer.strip()) if isinstance(answer, str) else _structure(answer)
    )


def _value_key(answer: Json, asked: Asked) -> str:
    if asked.schema is not None or isinstance(answer, dict | list):
        return value_key(answer, asked, text_key)
    found = plain(answer)
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return f"json:{json.dumps(found, sort_keys=True)}"
    # A number that JSON cannot hold equals only itself.
    if isinstance(answer, int) and found != answer:
        return f"json:{hex(answer)}"
    return text_key(str(found), asked)


def _parts(value: Json) -> Sequence[Json]:
    """Return the values in a value, names of an object among them."""
    if isinstance(value, list):
        return cast("list[Json]", value)
    if isinstance(value, dict):
        held = cast("dict[str, Json]", value)
        return [*held, *held.values()]
    return ()


def _structure(answer: Json) -> str:
    # In parts, not in one call that keeps the interpreter from every other thread.
    try:
        return f"json:{''.join(_ENCODER.iterencode(answer))}"
    except (TypeError, ValueError, RecursionError):
        # A value that was not read from a record may hold parts that JSON does not have.
        return f"json:{json.dumps(plain(answer), sort_keys=True)}"
