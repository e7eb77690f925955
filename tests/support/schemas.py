"""Schemas whose definitions double at each level."""

from __future__ import annotations

from typing import Any


def two(ref: dict[str, Any], keyword: str) -> dict[str, Any]:
    shapes: dict[str, Any] = {
        "allOf": {"allOf": [ref, ref]},
        "anyOf": {"anyOf": [{"type": "null"}, ref, ref]},
        "oneOf": {"oneOf": [ref, {"not": ref}]},
        "properties": {"properties": {"a": ref, "b": ref}},
        "items": {"prefixItems": [ref, ref], "items": ref},
        "dependentSchemas": {"dependentSchemas": {"a": ref, "b": ref}},
        "if": {"if": ref, "then": ref, "else": ref},
        "unevaluatedProperties": {"allOf": [ref, ref], "unevaluatedProperties": ref},
        "type": {"type": ["null", "integer"], "allOf": [ref]},
        "$dynamicRef": {"allOf": [{"$dynamicRef": ref["$ref"]}, ref]},
    }
    return shapes[keyword]


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    """A schema that amounts to twice as much with each level, and is as long as its levels."""
    definitions = {f"a{i}": two({"$ref": f"#/$defs/a{i + 1}"}, keyword) for i in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{levels}": {"type": "integer"}}}


KEYWORDS = (
    "allOf", "anyOf", "oneOf", "properties", "items", "dependentSchemas", "if",
    "unevaluatedProperties", "$dynamicRef", "type",
)  # fmt: skip
