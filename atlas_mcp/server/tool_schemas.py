"""Input schemas of tools, as short as they can say what they say.

Every model reads them with every request of its client. What a validation library writes beside the
kinds of arguments is left out: titles that repeat the names, and the null of what may be absent.
That an object may have any property is kept, which goes without saying in JSON Schema: Pydantic AI
closes an object that does not say so, and its model could only leave it empty (read and seen in
2.68.0).
"""

from __future__ import annotations

from typing import Any, cast


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the input schema of a tool without what says nothing."""
    arguments = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    kept = {name: value for name, value in schema.items() if name != "title"}
    return {**kept, "properties": {name: _argument(one) for name, one in arguments.items()}}


def _argument(schema: dict[str, Any]) -> dict[str, Any]:
    alternatives = cast("list[dict[str, Any]]", schema.get("anyOf", []))
    kinds = [one for one in alternatives if one.get("type") != "null"]
    inner = kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    beside = {name: value for name, value in schema.items() if name not in ("anyOf", "title")}
    found = {**inner, **beside}
    if found.get("default", 0) is None:
        del found["default"]
    return found
