"""The shape that an endpoint of Chat Completions holds a reply to.

Owns OpenAI's rules for strict schemas, whether a scripted reply fits, and values that do. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonschema import ValidationError, validate

from atlas_mcp.testing.replies import ApiReply

STRICT_KEYWORDS = frozenset(
    {
        "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum",
        "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maximum",
        "minItems", "minimum", "multipleOf", "pattern", "properties", "required", "title", "type",
    }
)  # fmt: skip
"""https://platform.openai.com/docs/guides/structured-outputs#supported-schemas"""


def section(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside an object, an empty one where there is none."""
    return value.get(name) or {}


def schema_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the schema that a reply is held to, `None` for none."""
    return section(section(body, "response_format"), "json_schema").get("schema")


def strict_fault(schema: dict[str, Any]) -> str | None:
    """Return the first of OpenAI's rules for strict schemas that `schema` breaks."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return "schema must be a JSON Schema of 'type: \"object\"'"
    return next(_faults(schema, ()), None)


def unheld(body: Mapping[str, Any], reply: ApiReply) -> str | None:
    """Return how a scripted reply breaks the shape that it would be held to; `None` if it fits."""
    if "response_format" not in body or reply.calls:
        return None
    if reply.stop_reason not in {None, "end_turn"}:
        return None
    try:
        value = json.loads(reply.text)
        schema = schema_of(body)
        if schema is not None:
            validate(value, schema)
    except ValueError:
        return f"the script breaks the shape the endpoint holds: {reply.text!r} is not JSON"
    except ValidationError as error:
        return f"the script breaks the shape the endpoint holds: {error.message}"
    return None


def instance(schema: dict[str, Any]) -> Any:
    """Return a value that fits `schema`, which may use the keywords of our own schemas."""
    return _instance(schema, schema)


def _faults(schema: dict[str, Any], where: tuple[str, ...]) -> Iterator[str]:
    context = f"In context={where}"
    for keyword in schema:
        if keyword not in STRICT_KEYWORDS:
            yield f"{context}, {keyword!r} is not permitted"
    if "$ref" in schema:
        if len(schema) > 1:
            yield f"{context}, $ref cannot have keywords {sorted(set(schema) - {'$ref'})}"
        return
    if not schema.keys() & {"type", "anyOf", "enum", "const"}:
        yield f"{context}, schema must have a 'type' key"
    if "object" in _kinds(schema):
        yield from _object_faults(schema, context)
    if "array" in _kinds(schema) and "items" not in schema:
        yield f"{context}, array schema missing items"
    for path, one in _inner(schema):
        yield from _faults(one, (*where, *path))


def _object_faults(schema: dict[str, Any], context: str) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"{context}, 'additionalProperties' is required to be supplied and to be false"
    missing = set(section(schema, "properties")) - set(schema.get("required", ()))
    if missing:
        yield (
            f"{context}, 'required' is required to be supplied and to be an array including every "
            f"key in properties. Missing {min(missing)!r}"
        )


def _inner(schema: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the schemas inside a schema, each with its path."""
    for keyword in ("properties", "$defs"):
        for name, one in section(schema, keyword).items():
            yield (keyword, name), one
    for index, one in enumerate(cast("list[dict[str, Any]]", schema.get("anyOf") or [])):
        yield ("anyOf", str(index)), one
    if "items" in schema:
        yield ("items",), schema["items"]


def _kinds(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type")
    return cast("list[str]", kinds) if isinstance(kinds, list) else [str(kinds)]


def _instance(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _instance(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _instance(schema["anyOf"][0], root)
    match _kinds(schema)[0]:
        case "object":
            properties = section(schema, "properties")
            return {name: _instance(one, root) for name, one in properties.items()}
        case "array":
            return [_instance(schema["items"], root)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "A scripted answer."
