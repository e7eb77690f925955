"""The key of a value, compared as its JSON Schema says.

Values of different types are never one answer. Numbers are compared by value, strings exactly where
a schema names their values, their pattern or their format, otherwise as free text of the question.
Where several schemas apply, the strictest decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

from atlas_mcp.atlas.comparing import formats
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import exact_number, short_key, verbatim_key
from atlas_mcp.atlas.comparing.gathered import order
from atlas_mcp.atlas.comparing.wording.exactness import exactness_asked
from atlas_mcp.atlas.comparing.wording.questions import plain_words
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_rules import BadSchema, is_number, target
from atlas_mcp.atlas.storable import plain

MAX_SCHEMAS = 100
"""Schemas that are looked at for one value; where more apply, it is compared exactly."""

MAX_SAID_CHARS = 300
"""Characters of a title or a description that are read."""

MAX_DEPTH = 40
"""Values inside one another that are compared as the schema says; deeper ones as JSON."""

_EXACT = ("enum", "const", "pattern", "contentEncoding", "contentMediaType")
_SAYING = ("title", "description")
_NAMES = """
class code command currency email file filename flag function hash id identifier ids isbn
key link locale login method password path pattern pin regex sku slug symbol ticker token
uid unit units uri url user username uuid variable version
"""
_EXACT_NAMES = frozenset(_NAMES.split())
"""Names of properties whose strings are no free text."""

_BRANCHES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("then", "else")

_IN_ORDER = re.compile(
    r"\b(?:in|by|into|what|which|correct|right|chronological|alphabetical|ascending|descending|"
    r"increasing|decreasing|numerical|topological|the) order\b|\bsort(?:ed)?\b|\brank(?:ed|ing)?\b|"
    r"\bsequences?\b|\bsteps?\b|\b(?:smallest|largest|lowest|highest|oldest|newest) first\b|"
    r"\bfrom (?:\w+ ){1,4}to\b|\bchronological\w*\b|\bpermutations?\b|\border(?:ed)?\b|"
    r"\breihenfolge\b|\b(?:smaller|larger|lower|upper|first) (?:\w+ )?and\b|"
    r"\[ ?[a-z](?:, ?[a-z]){1,6} ?\]"
)

_Schemas: TypeAlias = list[Mapping[str, Json]]


def value_key(value: Json, asked: Asked, text: Callable[[str, Asked], str]) -> str:
    """Return the key of a value.

    Args:
        value: The value.
        asked: What is known of the problem; its schema is that of the value.
        text: Returns the key of free text.
    """
    schema: Mapping[str, Json] = {} if asked.schema is None else asked.schema
    return _Comparison(schema, Asked(asked.question), text).key(value, [schema], _Place())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands in its answer.

    Attributes:
        depth: The values around it.
        name: The property that it is, or that its list is.
        beside_number: Whether a number stands beside it in its object.
        listed: Whether it stands in a list.
    """

    depth: int = 0
    name: str = ""
    beside_number: bool = False
    listed: bool = False


class _Comparison:
    """One answer under its schema.

    Args:
        root: The schema.
        asked: The question.
        text: Returns the key of free text.
    """

    def __init__(
        self, root: Mapping[str, Json], asked: Asked, text: Callable[[str, Asked], str]
    ) -> None:
        self._root = root
        self._asked = asked
        self._text = text

    def key(self, value: Json, schemas: list[Json], place: _Place) -> str:
        """Return the short key of a value to which some schemas apply.

        A key in a key is escaped once more, so those of parts would double with every level.
        """
        return short_key(self._key(value, schemas, place))

    def _key(self, value: Json, schemas: list[Json], place: _Place) -> str:
        if not isinstance(value, str | list | dict):
            return exact_key(value)
        applying = _applying(self._root, schemas, value) if place.depth < MAX_DEPTH else None
        if applying is None or any(name in one for one in applying for name in ("enum", "const")):
            return exact_key(value)
        if isinstance(value, str):
            return self._string(value, applying, place)
        if isinstance(value, list):
            return self._list(cast("list[Json]", value), applying, place)
        return self._object(cast("dict[str, Json]", value), applying, place)

    def _string(self, value: str, applying: _Schemas, place: _Place) -> str:
        if not value.strip() or any(name in one for one in applying for name in _EXACT):
            return verbatim_key(value)
        if any(_tell_by_case(one.get("examples")) for one in applying):
            return verbatim_key(value)
        kinds = {str(one["format"]) for one in applying if "format" in one}
        if kinds:
            return formats.key(value, kinds.pop()) if len(kinds) == 1 else verbatim_key(value)
        if place.beside_number:
            # It may be the unit of the number.
            return verbatim_key(" ".join(value.split()))
        said = [place.name, *(one.get(name) for one in applying for name in _SAYING)]
        if any(isinstance(one, str) and _is_exact(one) for one in said):
            return verbatim_key(value.strip())
        return self._text(value, self._asked)

    def _list(self, value: list[Json], applying: _Schemas, place: _Place) -> str:
        inside = _Place(place.depth + 1, name=place.name, listed=True)
        keys = [
            self.key(one, _of_item(applying, number), inside) for number, one in enumerate(value)
        ]
        unique = any(one.get("uniqueItems") is True for one in applying)
        points = any(isinstance(one, list) for one in value)
        if _order_matters(self._asked.question, unique=unique, points=points, listed=place.listed):
            return f"array:{json.dumps(keys)}"
        return f"members:{json.dumps(sorted(keys))}"

    def _object(self, value: dict[str, Json], applying: _Schemas, place: _Place) -> str:
        number = any(is_number(one) for one in value.values())
        keys: dict[str, str] = {}
        for name, one in value.items():
            inside = _Place(place.depth + 1, str(name), number, listed=place.listed)
            keys[inside.name] = self.key(one, _of_property(applying, name), inside)
        return f"object:{json.dumps(keys, sort_keys=True)}"


def exact_key(value: Json) -> str:
    """Return the key of a value of which only numbers are compared by value, all else exactly."""
    return short_key(_exact_key(value))


def _exact_key(value: Json) -> str:
    if isinstance(value, str):
        return verbatim_key(value)
    if isinstance(value, list):
        return f"array:{json.dumps([exact_key(one) for one in cast('list[Json]', value)])}"
    if isinstance(value, dict):
        named = cast("dict[str, Json]", value)
        keys = {str(name): exact_key(one) for name, one in named.items()}
        return f"object:{json.dumps(keys, sort_keys=True)}"
    if is_number(value):
        return f"json:{exact_number(cast('float', value))}"
    # A value that was not read from a record may be none of JSON's.
    return f"json:{json.dumps(plain(value), sort_keys=True)}"


def _applying(root: Mapping[str, Json], schemas: list[Json], value: Json) -> _Schemas | None:
    """Return the schemas that apply to a value, those of all branches among them.

    Returns:
        The schemas, without the branches for values of another type; `None` for too many, or for
        one that cannot be followed.
    """
    found: _Schemas = []
    seen: set[int] = set()
    waiting = list(schemas)
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(cast("object", schema)) in seen:
            continue
        one = cast("Mapping[str, Json]", schema)
        seen.add(id(one))
        if len(seen) > MAX_SCHEMAS:
            return None
        if not _may_be(one, value):
            continue
        found.append(one)
        try:
            waiting.extend(_inside(root, one))
        except BadSchema:
            return None
    return found


def _inside(root: Mapping[str, Json], schema: Mapping[str, Json]) -> Iterator[Json]:
    """Yield the schemas that a schema applies to the same value."""
    for name in ("$ref", "$dynamicRef"):
        if isinstance(schema.get(name), str):
            yield root if schema[name] == "#" else target(root, cast("str", schema[name]))
    for name in _BRANCHES:
        branches = schema.get(name)
        if isinstance(branches, list):
            yield from cast("list[Json]", branches)
    for name in _CONDITIONS:
        yield schema.get(name)
    dependent = schema.get("dependentSchemas")
    if isinstance(dependent, dict):
        yield from cast("dict[str, Json]", dependent).values()


def _may_be(schema: Mapping[str, Json], value: Json) -> bool:
    """Return whether a schema is for strings, lists or objects, as the value is."""
    wanted = schema.get("type")
    names: Json = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, list):
        return True
    name = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
    return name in names


def _of_item(applying: _Schemas, number: int) -> list[Json]:
    """Return the schemas of a list's item, from those of the list."""
    found: list[Json] = []
    for one in applying:
        first = one.get("prefixItems")
        firsts = cast("list[Json]", first) if isinstance(first, list) else []
        found.append(firsts[number] if number < len(firsts) else one.get("items"))
        found.append(one.get("contains"))
    return found


def _of_property(applying: _Schemas, name: str) -> list[Json]:
    """Return the schemas of an object's property, from those of the object."""
    found: list[Json] = []
    for one in applying:
        named = one.get("properties")
        if isinstance(named, dict) and name in named:
            found.append(cast("dict[str, Json]", named)[name])
            continue
        by_pattern = one.get("patternProperties")
        if isinstance(by_pattern, dict):
            # Whichever patterns match: the strictest of their schemas decides.
            found.extend(cast("dict[str, Json]", by_pattern).values())
        found.append(one.get("additionalProperties"))
    return found


def _tell_by_case(examples: Json) -> bool:
    """Return whether two of a schema's examples differ in nothing but their case."""
    if not isinstance(examples, list):
        return False
    texts = {one for one in cast("list[Json]", examples) if isinstance(one, str)}
    return len({one.casefold() for one in texts}) < len(texts)


@lru_cache(maxsize=256)
def _is_exact(said: str) -> bool:
    """Return whether the name or the description of a string asks for every character."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", said[:MAX_SAID_CHARS]).lower().strip(" .")
    if words in _EXACT_NAMES:
        return True
    return exactness_asked(f"What is the {re.sub(r'^(?:the|an?) ', '', words)}?") is not None


@lru_cache(maxsize=64)
def _order_matters(question: str, *, unique: bool, points: bool, listed: bool) -> bool:
    """Return whether the order of a list counts.

    Args:
        question: The question.
        unique: Whether the schema says that the list has no member twice.
        points: Whether its members are lists.
        listed: Whether it is the member of a list: "in any order" speaks of the outer one.
    """
    words = plain_words(question)
    if order.says_any_order(words):
        return listed and not unique
    said = order.order_of_points(question) if points else order.asked_order(question)
    return not unique or said == "sequence" or _IN_ORDER.search(words) is not None
