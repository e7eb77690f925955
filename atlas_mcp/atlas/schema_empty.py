"""Finds schemas that plainly fit no value, so that no money is spent on such an answer.

Owns the few contradictions that can be seen in one schema, such as an empty `enum`. Whether any
value fits is a hard question in general: a schema that is not plainly empty counts as fitting some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_check import BeyondBound
from atlas_mcp.atlas.schema_fit import fault_in
from atlas_mcp.atlas.schema_rules import is_number, pointer

_LIMITS = (
    ("string", "minLength", "maxLength"),
    ("array", "minItems", "maxItems"),
    ("object", "minProperties", "maxProperties"),
    ("number", "minimum", "maximum"),
)
"""Kinds of values, and the keywords between whose numbers they must lie."""

MAX_VALUES = 200
"""Values of an `enum` that are held against the keywords beside it."""


def fits_nothing(schema: Mapping[str, Json]) -> str | None:
    """Return the place where a schema plainly fits no value; `None` where it is not plain.

    Args:
        schema: A valid schema of bounded depth.
    """
    return _empty(schema, schema, ())


def _empty(found: Json, root: Mapping[str, Json], where: tuple[str, ...]) -> str | None:
    if found is False:
        return pointer(where)
    if not isinstance(found, dict):
        return None
    schema = cast("dict[str, Json]", found)
    if _denies_all(schema) or _limits_cross(schema) or _no_value_left(schema, root):
        return pointer(where)
    for name in ("anyOf", "oneOf"):
        branches = cast("list[Json]", schema.get(name) or [])
        if branches and all(_empty(one, root, where) is not None for one in branches):
            return pointer((*where, name))
    for step, part in _musts(schema):
        if (nowhere := _empty(part, root, (*where, *step))) is not None:
            return nowhere
    return None


def _musts(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Yield the schemas that some part of every value must fit."""
    for number, one in enumerate(schema.get("allOf", ())):
        yield ("allOf", str(number)), one
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name in properties:
                yield ("properties", name), properties[name]
    first: list[Json] = schema.get("prefixItems", [])
    if kind == "array" and schema.get("minItems", 0) > len(first):
        yield ("items",), schema.get("items", True)


def _denies_all(schema: Mapping[str, Json]) -> bool:
    """Return whether the schema excludes every value, or allows none."""
    return schema.get("enum") == [] or schema.get("not", False) in (True, {})


def _limits_cross(schema: Mapping[str, Json]) -> bool:
    """Return whether a lower limit is above the upper limit of the same kind."""
    kind = "number" if schema.get("type") == "integer" else schema.get("type")
    for one, low, high in _LIMITS:
        least, most = schema.get(low), schema.get(high)
        if kind == one and is_number(least) and is_number(most):
            return cast("float", least) > cast("float", most)
    return False


def _no_value_left(schema: Mapping[str, Json], root: Mapping[str, Json]) -> bool:
    """Return whether none of the listed values fits the rest of the schema."""
    found = [schema["const"]] if "const" in schema else schema.get("enum")
    values = cast("list[Json]", found) if isinstance(found, list) else []
    if not 0 < len(values) <= MAX_VALUES:
        return False
    # References lead from the root.
    held = {**schema, "$defs": root.get("$defs", {})} if "$defs" in root else schema
    try:
        return all(fault_in(value, held) is not None for value in values)
    except BeyondBound:
        return False
