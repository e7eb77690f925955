"""Whether a value fits a JSON Schema (2020-12), found out within a bound on the work.

Owns the meaning of each keyword. A schema and a value are held against each other once, however
many ways lead there, and each step is counted: schemas come from clients and values from models,
and neither may keep the others waiting. Numbers are compared exactly, whatever their size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.patterns import Pattern, weight
from atlas_mcp.atlas.schema_fault import Fault, Words, fault_of
from atlas_mcp.atlas.schema_rules import IN_PLACE, BadSchema, is_number, target

MAX_STEPS = 80_000
"""Steps of one check. Our own choice: they take some 40 ms on one core of 2026, and a list of
20,000 numbers, which is more than a model writes, takes fewer."""

MAX_NESTING = 200
"""Schemas that are held one inside the other. Deeper, the interpreter's own stack is in danger."""

PATTERN_WORK = 200
"""Characters times the weight of a pattern that are one step. Measured 2026-11: 8 ns for each with
the worst patterns found, 400 ns for a step."""

TOO_DEEP = "it is nested too deep"
"""The fault of a value, or of a schema, that no check comes to the end of."""


class BeyondBound(Exception):
    """Checking takes more work than is done; the text says of what."""


Evaluated: TypeAlias = set[str | int]
"""Names or numbers of the parts of a value that some keyword has looked at."""


def fault_in(value: Json, schema: Mapping[str, Json], *, steps: int = MAX_STEPS) -> Fault | None:
    """Return why a value does not fit a schema, `None` if it does.

    Raises:
        BeyondBound: It cannot be found out within the bound.
    """
    try:
        return _Check(schema, steps).hold(schema, value).fault
    except RecursionError as error:
        raise BeyondBound(TOO_DEEP) from error
    except (
        BadSchema,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
    ) as error:
        # One that was checked has none of these faults; one of an edited journal may.
        raise BeyondBound("its schema is no valid one") from error


class _Held(NamedTuple):
    """What has come of holding a value against a schema."""

    fault: Fault | None
    evaluated: Evaluated


_FITS = _Held(None, set())


class _Check:
    """One value, held against one schema."""

    def __init__(self, root: Mapping[str, Json], steps: int) -> None:
        self._root = root
        self._left = steps
        self._steps = steps
        self._nesting = 0
        self._known: dict[tuple[int, int], _Held | None] = {}
        self._keys: dict[int, frozenset[Any] | Any] = {}
        self._patterns: dict[str, Pattern] = {}
        self._collects = _mentions_unevaluated(root)

    def spend(self, steps: int) -> None:
        """Count some work.

        Raises:
            BeyondBound: There is too much of it.
        """
        self._left -= steps
        if self._left < 0:
            raise BeyondBound(f"it cannot be checked within the bound of {self._steps:,} steps")

    def hold(self, schema: Json, value: Json) -> _Held:
        """Hold a value against a schema."""
        self.spend(1)
        if schema is True:
            return _FITS
        if schema is False:
            return _Held(fault_of(value, "is not allowed here"), set())
        if not isinstance(schema, dict):
            raise BadSchema("has something else where a schema belongs")
        rules = cast("dict[str, Json]", schema)
        self.spend(len(rules))
        if not (isinstance(value, dict | list) or IN_PLACE & rules.keys()):
            # Held at once: remembering it would cost more than doing it again.
            return self._hold(rules, value)
        pair = (id(rules), id(cast("object", value)))
        if pair in self._known:
            held = self._known[pair]
            if held is None:
                raise BeyondBound(TOO_DEEP)
            return held
        if self._nesting >= MAX_NESTING:
            raise BeyondBound(TOO_DEEP)
        self._known[pair] = None
        self._nesting += 1
        held = self._known[pair] = self._hold(rules, value)
        self._nesting -= 1
        return held

    def _hold(self, schema: dict[str, Json], value: Json) -> _Held:
        evaluated: Evaluated = set()
        for keyword, wanted in schema.items():
            rule = _RULES.get(keyword)
            if rule is not None:
                fault = rule(self, wanted, value, schema, evaluated)
                if fault is not None:
                    return _Held(fault, set())
        for keyword in ("unevaluatedItems", "unevaluatedProperties"):
            if keyword in schema:
                fault = self._unevaluated(keyword, schema[keyword], value, evaluated)
                if fault is not None:
                    return _Held(fault, set())
        return _Held(None, evaluated)

    # Values as such

    def type(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        names = [wanted] if isinstance(wanted, str) else cast("list[str]", wanted)
        kinds = _kinds(value)
        if any(name in kinds for name in names):
            return None
        return fault_of(value, "is not of type {}", Words(", ".join(map(repr, names))))

    def enum(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        known = self._keys.get(id(wanted))
        if known is None:
            known = self._keys[id(wanted)] = frozenset(map(self.key, cast("list[Json]", wanted)))
        return None if self.key(value) in known else fault_of(value, "is not one of {}", wanted)

    def const(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        return None if self.key(value) == self.key(wanted) else fault_of(value, "is not {}", wanted)

    def key(self, value: Json, depth: int = 0) -> Any:
        """Return what is equal, and hashes alike, for values that are equal in JSON.

        Numbers are spelled: whoever knows how they hash could make thousands that hash alike.
        """
        self.spend(2)
        if depth > MAX_NESTING:
            raise BeyondBound(TOO_DEEP)
        if isinstance(value, bool) or value is None:
            return ("literal", str(value))
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            below = cast("list[Json]", value)
            return ("list", *[self.key(one, depth + 1) for one in below])
        if isinstance(value, dict):
            items = cast("dict[str, Json]", value).items()
            return frozenset((name, self.key(one, depth + 1)) for name, one in items)
        whole = isinstance(value, int) or value.is_integer()
        return ("number", hex(int(value)) if whole else float(value).hex())

    # Numbers

    def multiple_of(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        self.spend(value.bit_length() // 64 if isinstance(value, int) else 0)
        if not is_number(value) or (_exact(value) / _exact(wanted)).denominator == 1:
            return None
        return fault_of(value, "is not a multiple of {}", wanted)

    # Texts

    def pattern(self, wanted: str, value: Json, *_: Any) -> Fault | None:
        if not isinstance(value, str) or self._matches(wanted, value):
            return None
        return fault_of(value, "does not match {}", wanted)

    def _matches(self, pattern: str, text: str) -> bool:
        found = self._patterns.get(pattern)
        if found is None:
            self.spend(weight(pattern))
            found = self._patterns[pattern] = Pattern(pattern)
        self.spend(3 + len(text) * found.weight // PATTERN_WORK)
        return found.matches(text)

    # Lists

    def unique_items(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if wanted is not True or not isinstance(value, list):
            return None
        seen: set[Any] = set()
        for number, one in enumerate(cast("list[Json]", value)):
            key = self.key(one)
            if key in seen:
                return fault_of(value, "has non-unique elements").under(number)
            seen.add(key)
        return None

    def prefix_items(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, list):
            return None
        pairs = zip(cast("list[Json]", wanted), cast("list[Json]", value), strict=False)
        return self._each(((i, below, one) for i, (below, one) in enumerate(pairs)), evaluated)

    def items(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, list):
            return None
        first = len(cast("list[Json]", schema.get("prefixItems", ())))
        rest = enumerate(cast("list[Json]", value)[first:], first)
        return self._each(((i, wanted, one) for i, one in rest), evaluated)

    def contains(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, list):
            return None
        least, most = schema.get("minContains", 1), schema.get("maxContains")
        count = 0
        for number, one in enumerate(cast("list[Json]", value)):
            if self.hold(wanted, one).fault is None:
                count += 1
                if self._collects:
                    evaluated.add(number)
        if count < least:
            return fault_of(value, "does not contain {} items that fit the given schema", least)
        if most is not None and count > most:
            return fault_of(value, "contains more than {} items that fit the given schema", most)
        return None

    # Objects

    def required(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not isinstance(value, dict):
            return None
        return self._lacks(cast("list[str]", wanted), cast("dict[str, Json]", value))

    def dependent_required(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not isinstance(value, dict):
            return None
        for name, names in cast("dict[str, list[str]]", wanted).items():
            self.spend(1)
            fault = self._lacks(names, cast("dict[str, Json]", value)) if name in value else None
            if fault is not None:
                return fault
        return None

    def _lacks(self, names: list[str], value: dict[str, Json]) -> Fault | None:
        self.spend(len(names))
        for name in names:
            if name not in value:
                return Fault((), "{} is a required property", (name,))
        return None

    def properties(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, dict):
            return None
        named = cast("dict[str, Json]", wanted)
        self.spend(len(named))
        found = cast("dict[str, Json]", value)
        return self._each(
            ((name, below, found[name]) for name, below in named.items() if name in found),
            evaluated,
        )

    def pattern_properties(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, dict):
            return None
        found = cast("dict[str, Json]", value)
        self.spend(len(wanted))
        return self._each(
            (
                (name, below, one)
                for pattern, below in cast("dict[str, Json]", wanted).items()
                for name, one in found.items()
                if self._matches(pattern, name)
            ),
            evaluated,
        )

    def additional_properties(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, dict):
            return None
        self.spend(len(cast("dict[str, Json]", value)))
        named = schema.get("properties", {})
        forms = cast("dict[str, Json]", schema.get("patternProperties", {}))
        rest = [
            (name, wanted, one)
            for name, one in cast("dict[str, Json]", value).items()
            if name not in named and not any(self._matches(form, name) for form in forms)
        ]
        if rest and wanted is False:
            names = [name for name, _, _ in rest[:5]]
            return Fault((), "additional properties are not allowed ({} unexpected)", (names,))
        return self._each(rest, evaluated)

    def property_names(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if isinstance(value, dict):
            for name in cast("dict[str, Json]", value):
                fault = self.hold(wanted, name).fault
                if fault is not None:
                    return fault
        return None

    def _each(
        self, held: Iterable[tuple[str | int, Json, Json]], evaluated: Evaluated
    ) -> Fault | None:
        for step, below, one in held:
            self.spend(1)
            fault = self.hold(below, one).fault
            if fault is not None:
                return fault.under(step)
            if self._collects:
                evaluated.add(step)
        return None

    def _unevaluated(
        self, keyword: str, wanted: Json, value: Json, evaluated: Evaluated
    ) -> Fault | None:
        if keyword == "unevaluatedItems":
            parts = enumerate(cast("list[Json]", value)) if isinstance(value, list) else ()
        else:
            parts = cast("dict[str, Json]", value).items() if isinstance(value, dict) else ()
        self.spend(len(cast("list[Json]", value)) if isinstance(value, list | dict) else 0)
        rest = [(step, wanted, one) for step, one in parts if step not in evaluated]
        if rest and wanted is False:
            names = [step for step, _, _ in rest[:5]]
            return Fault((), "unevaluated parts are not allowed ({} unexpected)", (names,))
        return self._each(rest, evaluated)

    # The value itself, held against further schemas

    def ref(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        return self._same(target(self._root, wanted), value, evaluated)

    def all_of(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        for one in cast("list[Json]", wanted):
            fault = self._same(one, value, evaluated)
            if fault is not None:
                return fault
        return None

    def any_of(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        fits = False
        for one in cast("list[Json]", wanted):
            fits = self._same(one, value, evaluated) is None or fits
            if fits and not self._collects:
                return None
        if fits:
            return None
        return fault_of(value, "is not valid under any of the given schemas")

    def one_of(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        count = 0
        for one in cast("list[Json]", wanted):
            count += self._same(one, value, evaluated) is None
            if count > 1:
                return fault_of(value, "is valid under more than one of the given schemas")
        if count:
            return None
        return fault_of(value, "is not valid under any of the given schemas")

    def none_of(self, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if self.hold(wanted, value).fault is not None:
            return None
        return fault_of(value, "should not be valid under {}", wanted)

    def if_then_else(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        fits = self._same(wanted, value, evaluated) is None
        return self._same(schema.get("then" if fits else "else", True), value, evaluated)

    def dependent_schemas(
        self, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
    ) -> Fault | None:
        if not isinstance(value, dict):
            return None
        for name, below in cast("dict[str, Json]", wanted).items():
            self.spend(1)
            fault = self._same(below, value, evaluated) if name in value else None
            if fault is not None:
                return fault
        return None

    def _same(self, schema: Json, value: Json, evaluated: Evaluated) -> Fault | None:
        """Hold the value itself against a further schema, and note what that has looked at."""
        held = self.hold(schema, value)
        if held.fault is None and self._collects:
            self.spend(len(held.evaluated))
            evaluated |= held.evaluated
        return held.fault


_Rule: TypeAlias = Callable[[_Check, Any, Json, dict[str, Json], Evaluated], Fault | None]


def _bound(fits: Callable[[Any, Any], bool], words: str) -> _Rule:
    def rule(check: _Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not is_number(value) or fits(value, wanted):
            return None
        return fault_of(value, f"{words} {{}}", wanted)

    return rule


def _length(kind: type, fits: Callable[[int, Any], bool], words: str) -> _Rule:
    def rule(check: _Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not isinstance(value, kind) or fits(len(cast("list[Json]", value)), wanted):
            return None
        return fault_of(value, f"{words} {{}}", wanted)

    return rule


_RULES: Mapping[str, _Rule] = {
    "$ref": _Check.ref,
    "$dynamicRef": _Check.ref,
    "type": _Check.type,
    "enum": _Check.enum,
    "const": _Check.const,
    "multipleOf": _Check.multiple_of,
    "maximum": _bound(lambda value, most: value <= most, "is greater than the maximum of"),
    "exclusiveMaximum": _bound(lambda value, most: value < most, "must be less than"),
    "minimum": _bound(lambda value, least: value >= least, "is less than the minimum of"),
    "exclusiveMinimum": _bound(lambda value, least: value > least, "must be greater than"),
    "maxLength": _length(str, lambda length, most: length <= most, "is longer than"),
    "minLength": _length(str, lambda length, least: length >= least, "is shorter than"),
    "maxItems": _length(list, lambda length, most: length <= most, "has more items than"),
    "minItems": _length(list, lambda length, least: length >= least, "has fewer items than"),
    "maxProperties": _length(dict, lambda n, most: n <= most, "has more properties than"),
    "minProperties": _length(dict, lambda n, least: n >= least, "has fewer properties than"),
    "pattern": _Check.pattern,
    "uniqueItems": _Check.unique_items,
    "prefixItems": _Check.prefix_items,
    "items": _Check.items,
    "contains": _Check.contains,
    "required": _Check.required,
    "dependentRequired": _Check.dependent_required,
    "properties": _Check.properties,
    "patternProperties": _Check.pattern_properties,
    "additionalProperties": _Check.additional_properties,
    "propertyNames": _Check.property_names,
    "allOf": _Check.all_of,
    "anyOf": _Check.any_of,
    "oneOf": _Check.one_of,
    "not": _Check.none_of,
    "if": _Check.if_then_else,
    "dependentSchemas": _Check.dependent_schemas,
}


def _kinds(value: Json) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, int):
        return ("integer", "number")
    if isinstance(value, float):
        return ("integer", "number") if value.is_integer() else ("number",)
    if isinstance(value, str):
        return ("string",)
    if isinstance(value, list):
        return ("array",)
    return ("object",) if isinstance(value, dict) else ("null",)


def _exact(number: float) -> Fraction:
    """Return a number as it is written, so that 0.3 is three times 0.1."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _mentions_unevaluated(root: object) -> bool:
    """Return whether a schema asks for what its other keywords have not looked at."""
    waiting: list[object] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found = cast("dict[str, object]", one)
            if "unevaluatedItems" in found or "unevaluatedProperties" in found:
                return True
            waiting.extend(found.values())
        elif isinstance(one, list):
            waiting.extend(cast("list[object]", one))
    return False
