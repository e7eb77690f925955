"""Schemas of tools, as short as they can be.

Every model reads the input schemas with every request of its client, and every client the output
schemas. Additions of the validation library are left out: titles that repeat the names, the null of
an argument that may be absent, descriptions for the reader of the code.
That an object may have any property is kept, which goes without saying in JSON Schema: Pydantic AI
closes an object that does not say so, and its model could only leave it empty (read and seen in
2.68.0).
"""

from __future__ import annotations

from typing import Any, cast

PREFIX = "#/$defs/"


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the input schema of a tool without titles and null unions."""
    arguments = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    kept = {name: value for name, value in schema.items() if name != "title"}
    return {**kept, "properties": {name: _argument(one) for name, one in arguments.items()}}


def compact_result(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the output schema of a tool with its shapes in their places; `None` for none."""
    if schema is None:
        return None
    return cast("dict[str, Any]", _bare(schema, schema.get("$defs", {})))


def _bare(node: Any, shapes: dict[str, Any]) -> Any:
    """Return a schema with its shapes in their places, without titles and descriptions."""
    if isinstance(node, list):
        return [_bare(one, shapes) for one in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    schema = cast("dict[str, Any]", node)
    if "$ref" in schema:
        return _bare(shapes[schema["$ref"].removeprefix(PREFIX)], shapes)
    return {
        name: {key: _bare(one, shapes) for key, one in value.items()}
        if name == "properties"
        else _bare(value, shapes)
        for name, value in schema.items()
        if name not in ("$defs", "title", "description")
    }


def _argument(schema: dict[str, Any]) -> dict[str, Any]:
    alternatives = cast("list[dict[str, Any]]", schema.get("anyOf", []))
    kinds = [one for one in alternatives if one.get("type") != "null"]
    inner = kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    beside = {name: value for name, value in schema.items() if name not in ("anyOf", "title")}
    found = {**inner, **beside}
    if found.get("default", 0) is None:
        del found["default"]
    return found
