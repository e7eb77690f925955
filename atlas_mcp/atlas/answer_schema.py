"""The shape in which an answer is asked for, and whether an answer has it.

Owns the limits on a JSON Schema that is used here: its size, its size once references are followed,
no reference to other documents, patterns that take time linear in the answer. Multiple choice and
numbers are schemas like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.patterns import MAX_WEIGHT, pattern_fault, weight
from atlas_mcp.atlas.schema_check import BeyondBound
from atlas_mcp.atlas.schema_empty import fits_nothing
from atlas_mcp.atlas.schema_fault import shown
from atlas_mcp.atlas.schema_fit import fault_in
from atlas_mcp.atlas.schema_rules import (
    BadSchema,
    Graph,
    check_keywords,
    every,
    patterns,
)
from atlas_mcp.errors import InvalidInput

MAX_SCHEMA_BYTES = 16_384
"""Longest answer schema, bytes of JSON. It is sent with every call of a run."""

MAX_SCHEMA_DEPTH = 64
"""Deepest nesting of an answer schema."""

MAX_EXPANDED = 20_000
"""Most schemas in an answer schema once each reference is replaced by its target. Our own choice:
endpoints and grammars write them out, and the longest schema allowed has fewer without any."""


def check_answer_schema(schema: object) -> Mapping[str, Json]:
    """Return `schema` if an answer can be asked for in its shape.

    Raises:
        InvalidInput: It is not a valid JSON Schema 2020-12, is too large, or refers elsewhere.
    """
    if not isinstance(schema, dict):
        raise InvalidInput(
            "answer_schema", "must be a JSON Schema object, e.g. {'type': 'integer'}"
        )
    found = cast("dict[str, Json]", schema)
    try:
        _check_size(found)
        seen: set[str] = set()
        for where, part in every(found):
            check_keywords(where, part)
            seen.update(patterns(part))
        _check_patterns(seen)
        graph = Graph(found)
    except BadSchema as error:
        raise InvalidInput("answer_schema", str(error)) from error
    if graph.turns_in_circles():
        raise InvalidInput("answer_schema", "refers to itself without end")
    amounts_to = graph.expanded()
    if amounts_to > MAX_EXPANDED:
        amount = f"{amounts_to:,}" if amounts_to < 10**9 else "billions of"
        raise InvalidInput(
            "answer_schema",
            f"amounts to {amount} schemas once its references are followed; at most "
            f"{MAX_EXPANDED:,} are taken",
        )
    nowhere = fits_nothing(found)
    if nowhere is not None:
        raise InvalidInput("answer_schema", f"fits no value at all, at {nowhere}; correct it")
    return found


def answer_error(answer: Json, schema: Mapping[str, Json] | None) -> str | None:
    """Return why `answer` does not fit `schema`, `None` if it does. No schema: a string fits.

    Never raises. The work is bounded: an answer that would take more counts as not fitting.
    """
    if schema is None:
        return None if isinstance(answer, str) else "the answer is not a string"
    try:
        fault = fault_in(answer, schema)
    except BeyondBound as error:
        return str(error)
    return None if fault is None else f"{fault.place}: {fault.message}"


def _check_size(schema: dict[str, Json]) -> None:
    """Refuse a schema that is too large or too deep, without looking at more than is allowed.

    Raises:
        BadSchema: It is too large, too deep or not JSON.
    """
    size = 0
    waiting: list[tuple[int, object]] = [(0, schema)]
    while waiting:
        depth, node = waiting.pop()
        if depth > MAX_SCHEMA_DEPTH:
            raise BadSchema(f"is nested deeper than {MAX_SCHEMA_DEPTH} levels")
        size += 1 + (len(cast("str", node)) if isinstance(node, str | list | dict) else 0)
        if size > MAX_SCHEMA_BYTES:
            raise BadSchema(
                f"is longer than {MAX_SCHEMA_BYTES:,} bytes, and no longer one is taken"
            )
        if isinstance(node, dict):
            waiting.extend((depth + 1, one) for one in cast("dict[str, object]", node).values())
        elif isinstance(node, list):
            waiting.extend((depth + 1, one) for one in cast("list[object]", node))
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except UnicodeEncodeError as error:
        raise BadSchema("is not valid Unicode") from error
    except (TypeError, ValueError) as error:
        raise BadSchema(f"is not JSON: {error}") from error
    if size > MAX_SCHEMA_BYTES:
        raise BadSchema(f"has {size:,} bytes; at most {MAX_SCHEMA_BYTES:,} are taken")


def _check_patterns(found: set[str]) -> None:
    """Refuse patterns that cannot be used, or whose weights add up to too much.

    Raises:
        BadSchema: A pattern is refused; the text names it.
    """
    total = 0
    for pattern in sorted(found):
        total += weight(pattern)
        if total > MAX_WEIGHT:
            raise BadSchema(
                f"has patterns that repeat too much, {shown(pattern)} the last: written out, "
                f"they come to more than {MAX_WEIGHT:,} characters; use maxLength to bound a length"
            )
    for pattern in sorted(found):
        fault = pattern_fault(pattern)
        if fault is not None:
            raise BadSchema(f"has the pattern {shown(pattern)}, which cannot be used: {fault}")
