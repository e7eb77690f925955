"""The shape an answer is asked for in, and whether an answer has it.

Owns what a JSON Schema may be to be used here: bounded, about itself alone, and with patterns that
take time linear in the answer. Multiple choice and numbers are schemas like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_SCHEMA_BYTES = 16_384
"""Longest answer schema, bytes of JSON. It is sent with every call of a run."""

MAX_SCHEMA_DEPTH = 64
"""Deepest nesting of an answer schema."""


def check_answer_schema(schema: object) -> Mapping[str, Json]:
    """Return `schema` if an answer can be asked for in its shape.

    Raises:
        InvalidInput: It is no valid JSON Schema 2020-12, too large, or refers to elsewhere.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        raise InvalidInput(
            "answer_schema", "must be a JSON Schema object, e.g. {'type': 'integer'}"
        )
    found = cast("dict[str, Any]", schema)
    if _deeper_than(found, MAX_SCHEMA_DEPTH):
        raise InvalidInput("answer_schema", f"is nested deeper than {MAX_SCHEMA_DEPTH} levels")
    try:
        text = json.dumps(found)
    except (TypeError, ValueError) as error:
        raise InvalidInput("answer_schema", f"is not JSON: {error}") from error
    if len(text) > MAX_SCHEMA_BYTES:
        raise InvalidInput(
            "answer_schema", f"has {len(text):,} bytes; at most {MAX_SCHEMA_BYTES:,} are taken"
        )
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as error:
        where = error.json_path.removeprefix("$") or "the top"
        raise InvalidInput(
            "answer_schema", f"is not a valid JSON Schema at {where}: {error.message}"
        ) from error
    definitions = found.get("$defs")
    known = cast("dict[str, Any]", definitions) if isinstance(definitions, dict) else {}
    for reference in _references(found):
        name = reference.removeprefix("#/$defs/")
        if name == reference or name.partition("/")[0] not in known:
            raise InvalidInput(
                "answer_schema",
                f"refers to {reference!r}; only references to its own #/$defs/… are followed",
            )
    for pattern in _patterns(found):
        wrong = _pattern_error(pattern)
        if wrong is not None:
            raise InvalidInput("answer_schema", f"has the pattern {pattern!r}, {wrong}")
    if answer_error(None, found) == ENDLESS:
        raise InvalidInput("answer_schema", "refers to itself without end")
    return found


ENDLESS = "it is nested too deep"
"""The fault of an answer, or of a schema, that no check comes to the end of."""


def answer_error(answer: Json, schema: Mapping[str, Json] | None) -> str | None:
    """Return why `answer` does not fit `schema`, `None` if it does. No schema: a string fits."""
    if schema is None:
        return None if isinstance(answer, str) else "the answer is not a string"
    validator: Any = _validator_class()(schema)
    try:
        error: Any = next(validator.iter_errors(answer), None)
    except RecursionError:
        return ENDLESS
    return None if error is None else f"{error.json_path}: {error.message}"


@cache
def _validator_class() -> Any:
    """Build the validator: JSON Schema 2020-12 whose patterns take time linear in the answer.

    Those of the standard library can take for ever on a few dozen characters.
    """
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(
        validator: Any, wanted: str, instance: object, schema: object
    ) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _matches(wanted, instance):
            yield ValidationError(f"{instance[:100]!r} does not match {wanted!r}")

    def pattern_properties(
        validator: Any, wanted: Mapping[str, Json], instance: object, schema: object
    ) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        for one, below in wanted.items():
            for key, value in cast("dict[str, Json]", instance).items():
                if _matches(one, key):
                    yield from validator.descend(value, below, path=key, schema_path=one)

    ours = {"pattern": pattern, "patternProperties": pattern_properties}
    # The library has no types.
    return cast("Any", validators).extend(Draft202012Validator, ours)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> TypeAdapter[str]:
    from pydantic import ConfigDict, StringConstraints, TypeAdapter

    return TypeAdapter(
        Annotated[str, StringConstraints(pattern=pattern)],
        config=ConfigDict(regex_engine="rust-regex"),
    )


def _pattern_error(pattern: str) -> str | None:
    from pydantic_core import SchemaError

    try:
        _pattern(pattern)
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        return f"which cannot be used: {reason}"
    return None


def _matches(pattern: str, text: str) -> bool:
    from pydantic import ValidationError

    try:
        _pattern(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def _patterns(node: object) -> Iterator[str]:
    """Yield the patterns of a schema; a property of that name is none."""
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _patterns(item)
    elif isinstance(node, dict):
        for key, value in cast("dict[str, object]", node).items():
            if key == "pattern" and isinstance(value, str):
                yield value
            elif key == "patternProperties" and isinstance(value, dict):
                yield from cast("dict[str, object]", value)
            yield from _patterns(cast("object", value))


def _deeper_than(node: object, levels: int) -> bool:
    if levels < 0:
        return True
    if isinstance(node, dict):
        return any(
            _deeper_than(one, levels - 1) for one in cast("dict[str, object]", node).values()
        )
    if isinstance(node, list):
        return any(_deeper_than(one, levels - 1) for one in cast("list[object]", node))
    return False


def _references(node: object) -> list[str]:
    found: list[str] = []
    if isinstance(node, dict):
        for key, value in cast("dict[str, object]", node).items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                found.append(value)
            else:
                found.extend(_references(value))
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            found.extend(_references(item))
    return found
