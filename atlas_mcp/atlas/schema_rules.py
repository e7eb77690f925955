"""JSON Schema 2020-12 as rules about schemas: the keywords, and the value that each may have.

Owns the walk over a schema: its parts, its references, and its size once these are followed. Never
looks at values that are held against a schema. Everything here is linear in the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import unquote

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_fault import shown

Schema: TypeAlias = Mapping[str, Json] | bool
"""A schema, or a part of one."""

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

IN_PLACE = frozenset(
    {
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentSchemas",
    }
)
"""Keywords whose schemas are held against the same value, not against a part of it."""

_ONE = frozenset(
    {
        "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})

_PREFIX = "#/$defs/"


class Part(NamedTuple):
    """A schema inside a schema.

    Attributes:
        keyword: The keyword that it belongs to.
        where: The steps to it, as JSON pointer tokens.
        schema: The schema, or whatever stands in its place.
    """

    keyword: str
    where: tuple[str, ...]
    schema: Json


class BadSchema(Exception):
    """A schema breaks a rule; the text says which, and where."""


def parts(schema: Mapping[str, Json]) -> Iterator[Part]:
    """Yield the schemas right inside a schema; keywords with values of another kind have none."""
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield Part(keyword, (keyword,), value)
        elif keyword in _LIST and isinstance(value, list):
            for number, one in enumerate(cast("list[Json]", value)):
                yield Part(keyword, (keyword, str(number)), one)
        elif keyword in _NAMED and isinstance(value, dict):
            for name, one in cast("dict[str, Json]", value).items():
                yield Part(keyword, (keyword, name), one)


def every(root: Mapping[str, Json]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Json]]]:
    """Yield each schema in a schema but `true` and `false`, itself first, with the steps to it.

    Raises:
        BadSchema: A value that is not a schema stands where one belongs.
    """
    waiting: list[tuple[tuple[str, ...], Json]] = [((), root)]
    while waiting:
        where, schema = waiting.pop()
        if isinstance(schema, bool):
            continue
        if not isinstance(schema, dict):
            raise BadSchema(
                f"is not a valid JSON Schema at {pointer(where)}: no schema stands there"
            )
        found = cast("dict[str, Json]", schema)
        yield where, found
        waiting.extend(((*where, *part.where), part.schema) for part in reversed([*parts(found)]))


def check_keywords(where: tuple[str, ...], schema: Mapping[str, Json]) -> None:
    """Check the value of each keyword of one schema, not of those inside it.

    Raises:
        BadSchema: A keyword has a value that it cannot have.
    """
    for keyword, value in schema.items():
        if keyword not in _RULES:
            continue
        fits, wanted = _RULES[keyword]
        if not fits(value):
            raise BadSchema(
                f"is not a valid JSON Schema at {pointer((*where, keyword))}: {shown(value)} "
                f"stands there, and it must be {wanted}"
            )
    if where and "$id" in schema:
        raise BadSchema(f"has an $id at {pointer(where)}; only the whole schema may have one")


def references(schema: Mapping[str, Json]) -> Iterator[str]:
    """Yield the references of one schema, not of those inside it."""
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            yield cast("str", schema[keyword])


def target(root: Mapping[str, Json], reference: str) -> Json:
    """Return the part of `root` that a reference leads to.

    Raises:
        BadSchema: It leads nowhere, or out of the definitions of `root`.
    """
    if not reference.startswith(_PREFIX):
        raise BadSchema(
            f"refers to {shown(reference)}; only references to its own #/$defs/… are followed"
        )
    found: Any = root
    for token in unquote(reference[2:]).split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name) if isinstance(found, list) else name]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise BadSchema(
                f"refers to {shown(reference)}; only references to its own #/$defs/… are "
                "followed, and there is no such one"
            ) from error
    return found


class Graph:
    """The schemas inside a schema, and which leads to which once references are followed.

    Args:
        root: A schema, all of whose parts have been checked.

    Raises:
        BadSchema: A reference leads nowhere, or to a value that is not a schema.
    """

    def __init__(self, root: Mapping[str, Json]) -> None:
        self._root = root
        self._schemas: dict[int, Mapping[str, Json]] = {id(one): one for _, one in every(root)}
        self._leads: dict[int, list[tuple[bool, Mapping[str, Json]]]] = {}
        for number, schema in self._schemas.items():
            self._leads[number] = list(self._edges(schema))

    def _edges(self, schema: Mapping[str, Json]) -> Iterator[tuple[bool, Mapping[str, Json]]]:
        for part in parts(schema):
            # A definition counts where a reference leads to it.
            keyword, below = part.keyword, part.schema
            if isinstance(below, dict) and keyword != "$defs":
                yield keyword in IN_PLACE, cast("Mapping[str, Json]", below)
        for reference in references(schema):
            found = target(self._root, reference)
            if isinstance(found, bool):
                continue
            if id(cast("object", found)) not in self._schemas:
                raise BadSchema(f"refers to {shown(reference)}, where no schema stands")
            yield True, cast("Mapping[str, Json]", found)

    def turns_in_circles(self) -> bool:
        """Return whether some value would be held against the schema without end."""
        in_place = {
            number: [id(to) for same, to in leads if same] for number, leads in self._leads.items()
        }
        # Remove, again and again, the schemas that lead to none of those that are left.
        into: dict[int, list[int]] = {number: [] for number in in_place}
        left = {number: len(to) for number, to in in_place.items()}
        for number, others in in_place.items():
            for other in others:
                into[other].append(number)
        ends = [number for number, count in left.items() if not count]
        gone = 0
        while ends:
            number = ends.pop()
            gone += 1
            for other in into[number]:
                left[other] -= 1
                if not left[other]:
                    ends.append(other)
        return gone < len(in_place)

    def expanded(self) -> int:
        """Return the number of schemas once each reference is replaced by its target.

        A reference back to a schema around it counts as one. A schema with several types is counted
        once for each, as endpoints write it out.
        """
        known: dict[int, int] = {}
        opened: set[int] = set()
        # A stack of its own: references chain as long as the schema has bytes.
        stack = [id(self._root)]
        while stack:
            number = stack[-1]
            if number in known:
                stack.pop()
                continue
            below = [id(to) for _, to in self._leads[number]]
            waiting = [one for one in below if one not in known and one not in opened]
            if number not in opened and waiting:
                opened.add(number)
                stack.extend(waiting)
                continue
            opened.add(number)
            kinds = self._schemas[number].get("type")
            times = len(cast("list[Json]", kinds)) if isinstance(kinds, list) else 1
            known[number] = times + sum(
                known.get(id(to), 1) * (times if same else 1) for same, to in self._leads[number]
            )
            stack.pop()
        return known[id(self._root)]


def patterns(schema: Mapping[str, Json]) -> Iterator[str]:
    """Yield the regular expressions of one schema, not of those inside it."""
    if "pattern" in schema:
        yield cast("str", schema["pattern"])
    yield from cast("Mapping[str, Json]", schema.get("patternProperties", {}))


def pointer(where: tuple[str, ...]) -> str:
    """Return a place in a schema as text for a message."""
    return "/".join(where)[:200] or "the top"


def is_number(value: Json) -> bool:
    """Return whether a value is a number in JSON; Python counts `True` as one too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# The values that each keyword may have


def _is_count(value: Json) -> bool:
    return is_number(value) and value >= 0 and value == int(value)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_names(value: Json) -> bool:
    if not isinstance(value, list):
        return False
    names = cast("list[Json]", value)
    return all(isinstance(one, str) for one in names) and len(set(names)) == len(names)


def _is_types(value: Json) -> bool:
    names = cast("Json", [value] if isinstance(value, str) else value)
    return _is_names(names) and bool(names) and TYPES.issuperset(names)


def _is_schemas(value: Json) -> bool:
    return isinstance(value, list) and bool(cast("list[Json]", value))


def _is_object(value: Json) -> bool:
    return isinstance(value, dict)


def _is_names_by_name(value: Json) -> bool:
    return isinstance(value, dict) and all(
        _is_names(one) for one in cast("dict[str, Json]", value).values()
    )


_Rule: TypeAlias = tuple[Callable[[Json], bool], str]

_NUMBER: _Rule = (is_number, "a number")
_COUNT: _Rule = (_is_count, "a whole number from 0")
_TEXT: _Rule = (_is_text, "a string")
_NAMES: _Rule = (_is_names, "a list of strings, each once")
_SCHEMAS: _Rule = (_is_schemas, "a list of schemas, and not an empty one")
_BY_NAME: _Rule = (_is_object, "an object of schemas")
_SWITCH: _Rule = (lambda value: isinstance(value, bool), "true or false")

_RULES: Mapping[str, _Rule] = {
    "$ref": _TEXT,
    "$dynamicRef": _TEXT,
    "$id": _TEXT,
    "$defs": _BY_NAME,
    "type": (_is_types, f"one or some of {', '.join(sorted(TYPES))}"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "multipleOf": (lambda value: is_number(value) and value > 0, "a number above 0"),
    "maximum": _NUMBER,
    "exclusiveMaximum": _NUMBER,
    "minimum": _NUMBER,
    "exclusiveMinimum": _NUMBER,
    "maxLength": _COUNT,
    "minLength": _COUNT,
    "pattern": _TEXT,
    "maxItems": _COUNT,
    "minItems": _COUNT,
    "uniqueItems": _SWITCH,
    "maxContains": _COUNT,
    "minContains": _COUNT,
    "maxProperties": _COUNT,
    "minProperties": _COUNT,
    "required": _NAMES,
    "dependentRequired": (_is_names_by_name, "an object of lists of strings"),
    "allOf": _SCHEMAS,
    "anyOf": _SCHEMAS,
    "oneOf": _SCHEMAS,
    "prefixItems": _SCHEMAS,
    "properties": _BY_NAME,
    "patternProperties": _BY_NAME,
    "dependentSchemas": _BY_NAME,
    "title": _TEXT,
    "description": _TEXT,
    "format": _TEXT,
    "examples": (lambda value: isinstance(value, list), "a list"),
}
