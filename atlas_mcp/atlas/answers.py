"""Answers as models give them, read in the shape that was asked for.

Owns the step from the value of `answer` in a reply to one that fits the answer's schema: a number
may be written as text, a choice with a parenthesis. What fits as it is stays as it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import words_of
from atlas_mcp.atlas.written_json import read_written

MAX_FAULT_CHARS = 500
"""Characters of why an answer does not fit."""

_LITERALS: Mapping[str, Json] = {"true": True, "false": False, "null": None, "none": None}

_LEAD = re.compile(
    r"(?:the\s+)?(?:(?:correct|final|right|best)\s+)?(?:answer|option|choice)?(?:\s+is)?\s*[:=]?\s*",
    re.IGNORECASE,
)
"""What may stand before a choice: `Answer: B`."""

OPENING, CLOSING = "([{*_`\"'$", ")]}*_`\"'$.:;,"
"""What a choice is dressed in: `(B)`, `B.`, `**B**`."""

DRESS_CHARS = 100
"""Characters that a dressed choice has beside the choice."""

_FENCED = re.compile(r"```\w*\n(?P<inner>.*)```", re.DOTALL)

_BOXED = re.compile(r"\\boxed\{(?P<inner>[^{}]*)\}")

_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?")
"""A number in groups of three digits; with one comma alone it may stand for the point."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
"""A number as people write it, who need no zero before a point."""

MAX_CHOICES = 1_000
"""Choices of a schema among which a dressed one is looked for."""


def read_answer(answer: Json, schema: Mapping[str, Json] | None) -> tuple[Json, str | None]:
    """Return an answer as its schema has it, and why it does not fit, in few words.

    Args:
        answer: As the model wrote it.
        schema: The shape that was asked for; a text if none was.
    """
    wrong = _misfit(answer, schema)
    if wrong is None:
        return answer, None
    for read in _readings(answer, schema):
        if _misfit(read, schema) is None:
            return read, None
    return answer, wrong


def _misfit(answer: Json, schema: Mapping[str, Json] | None) -> str | None:
    try:
        wrong = answer_error(answer, schema)
    except Exception as error:  # noqa: BLE001 - a schema is its caller's, and its checker another's
        wrong = f"it cannot be checked ({type(error).__name__})"
    return None if wrong is None else words_of(wrong, MAX_FAULT_CHARS)


def _readings(answer: Json, schema: Mapping[str, Json] | None) -> list[Json]:
    """Return what an answer that does not fit may mean, the likeliest first."""
    if schema is None:
        # A text was asked for; a number is one, written down.
        return [_written(answer)] if isinstance(answer, int | float) else []
    if isinstance(answer, str):
        return [*_values_in(answer), *_choices(answer, schema)]
    if isinstance(answer, int | float):
        return [_written(answer)] if _asks_for_text(schema) else []
    parts = _by_parts(answer, schema)
    return [] if parts is None else [parts]


def _asks_for_text(schema: Mapping[str, Json]) -> bool:
    """Return whether a schema says that an answer is a text, rather than nothing of its kind."""
    kinds = schema.get("type")
    return "string" in (kinds if isinstance(kinds, list) else [kinds]) or bool(_texts_of(schema))


def _written(number: float) -> str:
    if isinstance(number, bool):
        return str(number).lower()
    return str(number)


def _values_in(text: str) -> list[Json]:
    """Return the value that a text alone is, as JSON or as a program writes it."""
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
    # What JSON has no word for was read as a text again.
    return [] if isinstance(found, str) and found == stripped else [found]


def _undressed(text: str) -> str:
    """Return a value without what is written around it: a fence, Markdown, LaTeX."""
    found = _FENCED.fullmatch(text.strip())
    stripped = (text.strip() if found is None else found["inner"]).strip("`*_$ \n")
    boxed = _BOXED.fullmatch(stripped)
    return stripped if boxed is None else boxed["inner"].strip()


def _choices(text: str, schema: Mapping[str, Json]) -> list[Json]:
    """Return the one choice of a schema that a text names, dressed or in other letters."""
    named = _texts_of(schema)
    if not named or len(text) > max(map(len, named)) + DRESS_CHARS:
        return []
    stripped = text.strip()
    bare = _LEAD.sub("", stripped, count=1).lstrip(OPENING).rstrip(CLOSING).strip()
    said = {stripped, bare} - {""}
    exact = [one for one in named if one in said]
    folded, texts = _by_folded(named), {one.casefold() for one in said}
    alike = exact or [one for text in texts for one in folded.get(text, [])]
    return [alike[0]] if len(alike) == 1 else []


@lru_cache(maxsize=1)
def _by_folded(named: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return choices by their text in small letters; a list of answers has the same for each."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in named:
        found[one.casefold()].append(one)
    return found


def _texts_of(schema: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the texts that a schema lets an answer be, one of them each."""
    choices = schema.get("enum", [schema.get("const")])
    some = cast("list[Json]", choices)[:MAX_CHOICES] if isinstance(choices, list) else []
    return tuple(one for one in some if isinstance(one, str))


def _by_parts(answer: Json, schema: Mapping[str, Json]) -> Json | None:
    """Return an object or a list with each part read by the schema of its own; `None` if as it was.

    Only what is said of parts directly is looked at, not what references and alternatives say.
    """
    read: Json
    if isinstance(answer, dict):
        known = schema.get("properties")
        each = cast("dict[str, Json]", known) if isinstance(known, dict) else {}
        fields = cast("dict[str, Json]", answer).items()
        read = {name: _part(value, each.get(name)) for name, value in fields}
    elif isinstance(answer, list):
        read = [_part(value, schema.get("items")) for value in cast("list[Json]", answer)]
    else:
        return None
    return None if read == answer else read


def _part(value: Json, schema: Json) -> Json:
    if not isinstance(schema, dict):
        return value
    return read_answer(value, cast("dict[str, Json]", schema))[0]
