"""Answers as models write them, read in the shape that was asked for.

Owns the step from the value of `answer` in a reply to a value that fits the answer's schema: a
number may be written as text, a choice in parentheses. Never changes an answer that fits, and never
guesses between two readings.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import text_of
from atlas_mcp.atlas.written_json import read_written

MAX_FAULT_CHARS = 500
"""Characters of the message that says why an answer does not fit."""

_LITERALS: Mapping[str, Json] = {"true": True, "false": False, "null": None, "none": None}

_LEAD = re.compile(
    r"(?:the\s+)?(?:(?:correct|final|right|best)\s+)?(?:answer|option|choice)?(?:\s+is)?\s*[:=]?\s*",
    re.IGNORECASE,
)
"""Words before a choice, as in `Answer: B`."""

OPENING, CLOSING = "([{*_`\"'$", ")]}*_`\"'$.:;,"
"""Characters around a choice, as in `(B)`, `B.` and `**B**`."""

DRESS_CHARS = 100
"""Most characters around a choice."""

_FENCED = re.compile(r"```\w*\n(?P<inner>.*)```", re.DOTALL)

_BOXED = re.compile(r"\\boxed\{(?P<inner>[^{}]*)\}")

_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?")
"""A number in groups of three digits; a single comma may be a decimal point."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
"""A number as people write it: `.5` needs no zero before the point."""

MAX_CHOICES = 1_000
"""Choices of a schema among which the one in a text is looked for."""

MAX_WORK = 10_000
"""Parts of one answer that are read by themselves, each counted once more for every
`CHARS_OF_WORK` of its schema. Our own choice: ten times the longest list that is asked for."""

CHARS_OF_WORK = 100
"""Characters of a part's schema that take as long to look at as one part takes to read."""

EXACT = 2.0**53
"""From here on, a float stands for several whole numbers."""


@dataclass(slots=True)
class _Work:
    """The work that is left for one answer, in units of `MAX_WORK`."""

    left: int = MAX_WORK


def read_answer(answer: Json, schema: Mapping[str, Json] | None) -> tuple[Json, str | None]:
    """Return an answer in the shape of its schema, and why it does not fit, `None` if it does.

    Args:
        answer: The answer as the model wrote it.
        schema: The shape that was asked for; `None` for text.
    """
    return _read(answer, schema, _Work())


def _read(answer: Json, schema: Mapping[str, Json] | None, work: _Work) -> tuple[Json, str | None]:
    wrong = _misfit(answer, schema)
    if wrong is None:
        return _with_whole_numbers(answer, schema), None
    for read in _readings(answer, schema, work):
        if _misfit(read, schema) is None:
            return _with_whole_numbers(read, schema), None
    return answer, wrong


def _with_whole_numbers(value: Json, schema: object) -> Json:
    """Return the value with 42 for `42.0` where its schema, which both fit, says `integer`."""
    if not isinstance(schema, Mapping):
        return value
    asked = cast("Mapping[str, Json]", schema)
    if isinstance(value, float):
        is_whole = value.is_integer() and abs(value) < EXACT
        return int(value) if is_whole and _asks_for_whole(asked) else value
    items, known = asked.get("items"), asked.get("properties")
    if isinstance(value, list) and isinstance(items, dict):
        each_item = cast("dict[str, Json]", items)
        return [_with_whole_numbers(one, each_item) for one in cast("list[Json]", value)]
    if isinstance(value, dict) and isinstance(known, dict):
        each = cast("dict[str, Json]", known)
        fields = cast("dict[str, Json]", value).items()
        return {name: _with_whole_numbers(one, each.get(name)) for name, one in fields}
    return cast("Json", value)


def _asks_for_whole(schema: Mapping[str, Json]) -> bool:
    kinds = schema.get("type")
    named = cast("list[Json]", kinds) if isinstance(kinds, list) else [kinds]
    return "integer" in named and "number" not in named


def _misfit(answer: Json, schema: Mapping[str, Json] | None) -> str | None:
    try:
        wrong = answer_error(answer, schema)
    except Exception as error:  # noqa: BLE001 - a schema is its caller's, and its checker another's
        wrong = f"it cannot be checked ({type(error).__name__})"
    return None if wrong is None else text_of(wrong, MAX_FAULT_CHARS)


def _readings(answer: Json, schema: Mapping[str, Json] | None, work: _Work) -> list[Json]:
    """Return the possible meanings of an answer that does not fit, the likeliest first."""
    if schema is None:
        # Text was asked for, and a number can be written as text.
        return [_written(answer)] if isinstance(answer, int | float) else []
    if isinstance(answer, str):
        values = _values_in(answer)
        parts = [_by_parts(value, schema, work) for value in values]
        read = [one for one in parts if one is not None]
        return [*values, *read, *_choices(answer, schema)]
    if isinstance(answer, int | float):
        return [_written(answer)] if _asks_for_text(schema) else []
    found = _by_parts(answer, schema, work)
    return [] if found is None else [found]


def _asks_for_text(schema: Mapping[str, Json]) -> bool:
    """Return whether a schema says that an answer is text; one without types does not."""
    kinds = schema.get("type")
    return "string" in (kinds if isinstance(kinds, list) else [kinds]) or bool(_texts_of(schema))


def _written(number: float) -> str:
    if isinstance(number, bool):
        return str(number).lower()
    return str(number)


def _values_in(text: str) -> list[Json]:
    """Return the value that a text writes out as JSON or as a program would; empty for none."""
    stripped = _undressed(text)
    if stripped.lower() in _LITERALS:
        return [_LITERALS[stripped.lower()]]
    number = stripped.replace("\N{MINUS SIGN}", "-")
    if _GROUPED.fullmatch(number):
        number = number.replace(",", "")
    if _NUMBER.fullmatch(number):
        sign, digits = number[: number.startswith("-")], number.lstrip("+-")
        stripped = f"{sign}{'0' if digits.startswith('.') else ''}{digits}"
    try:
        found = read_written(stripped)
    except ValueError:
        return []
    # A value that JSON cannot write, such as NaN, was read as the same text again.
    return [] if isinstance(found, str) and found == stripped else [found]


def _undressed(text: str) -> str:
    """Return a text without the fence, the Markdown or the LaTeX around it."""
    found = _FENCED.fullmatch(text.strip())
    stripped = (text.strip() if found is None else found["inner"]).strip("`*_$ \n")
    boxed = _BOXED.fullmatch(stripped)
    return stripped if boxed is None else boxed["inner"].strip()


def _choices(text: str, schema: Mapping[str, Json]) -> list[Json]:
    """Return the only choice of a schema that a text can mean, whatever its case; or nothing."""
    named = _texts_of(schema)
    if not named or len(text) > max(map(len, named)) + DRESS_CHARS:
        return []
    stripped = text.strip()
    bare = _LEAD.sub("", stripped, count=1).lstrip(OPENING).rstrip(CLOSING).strip()
    readings = {stripped, bare} - {""}
    exact = [one for one in named if one in readings]
    folded, texts = _by_folded(named), {one.casefold() for one in readings}
    alike = exact or [one for text in texts for one in folded.get(text, [])]
    return [alike[0]] if len(alike) == 1 else []


@lru_cache(maxsize=1)
def _by_folded(named: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return the choices by their case-folded text, remembered for the next item of a list."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in named:
        found[one.casefold()].append(one)
    return found


def _texts_of(schema: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the texts among the choices of a schema."""
    choices = schema.get("enum", [schema.get("const")])
    some = cast("list[Json]", choices)[:MAX_CHOICES] if isinstance(choices, list) else []
    return tuple(one for one in some if isinstance(one, str))


def _by_parts(answer: Json, schema: Mapping[str, Json], work: _Work) -> Json | None:
    """Return an object or a list with each part read by its own schema; `None` if none changed.

    Only `properties` and `items` are followed, neither references nor alternatives.
    """
    read: Json
    if not isinstance(answer, dict | list):
        return None
    if len(cast("list[Json]", answer)) > work.left:
        return None
    if isinstance(answer, dict):
        known = schema.get("properties")
        each = cast("dict[str, Json]", known) if isinstance(known, dict) else {}
        fields = cast("dict[str, Json]", answer).items()
        read = {name: _part(value, each.get(name), work) for name, value in fields}
    else:
        asked = schema.get("items")
        values = cast("list[Json]", answer)
        work.left -= len(values) * (_cost(asked) - 1)
        if work.left < 0:
            return None
        read = [_part(value, asked, work) for value in values]
    return None if read == answer else read


def _part(value: Json, schema: Json, work: _Work) -> Json:
    work.left -= 1
    if not isinstance(schema, dict) or work.left < 0:
        return value
    return _read(value, cast("dict[str, Json]", schema), work)[0]


def _cost(schema: Json) -> int:
    return 1 + len(json.dumps(schema)) // CHARS_OF_WORK
