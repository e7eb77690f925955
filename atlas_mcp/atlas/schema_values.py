"""The keywords of JSON Schema that are about a value as a whole: its type, its size, its choices.

Each function is a rule of `atlas.schema_check`. Numbers are compared exactly, whatever their size.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_check import Check, Rule
from atlas_mcp.atlas.schema_fault import Fault, Words, fault_of
from atlas_mcp.atlas.schema_rules import is_number


def of_type(_check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`type`."""
    names = [wanted] if isinstance(wanted, str) else cast("list[str]", wanted)
    kinds = _kinds(value)
    if any(name in kinds for name in names):
        return None
    return fault_of(value, "is not of type {}", Words(", ".join(map(repr, names))))


def one_of_values(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`enum`."""
    if check.key(value) in check.choices(cast("list[Json]", wanted)):
        return None
    return fault_of(value, "is not one of {}", wanted)


def constant(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`const`."""
    return None if check.key(value) == check.key(wanted) else fault_of(value, "is not {}", wanted)


def multiple_of(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`multipleOf`."""
    check.spend(value.bit_length() // 64 if isinstance(value, int) else 0)
    if not is_number(value) or (_exact(value) / _exact(wanted)).denominator == 1:
        return None
    return fault_of(value, "is not a multiple of {}", wanted)


def pattern(check: Check, wanted: str, value: Json, *_: Any) -> Fault | None:
    """`pattern`."""
    if not isinstance(value, str) or check.matches(wanted, value):
        return None
    return fault_of(value, "does not match {}", wanted)


def unique_items(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`uniqueItems`."""
    if wanted is not True or not isinstance(value, list):
        return None
    seen: set[Any] = set()
    for number, one in enumerate(cast("list[Json]", value)):
        key = check.key(one)
        if key in seen:
            return fault_of(value, "has non-unique elements").under(number)
        seen.add(key)
    return None


def required(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`required`."""
    if not isinstance(value, dict):
        return None
    return _missing(check, cast("list[str]", wanted), cast("dict[str, Json]", value))


def dependent_required(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`dependentRequired`."""
    if not isinstance(value, dict):
        return None
    found = cast("dict[str, Json]", value)
    for name, names in cast("dict[str, list[str]]", wanted).items():
        check.spend(1)
        fault = _missing(check, names, found) if name in found else None
        if fault is not None:
            return fault
    return None


def bounded(fits: Callable[[Any, Any], bool], sentence: str) -> Rule:
    """Return the rule of a keyword that bounds a number.

    Args:
        fits: Whether a number keeps the bound.
        sentence: The fault of one that does not; the bound follows.
    """

    def rule(_check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not is_number(value) or fits(value, wanted):
            return None
        return fault_of(value, f"{sentence} {{}}", wanted)

    return rule


def of_length(kind: type, fits: Callable[[int, Any], bool], sentence: str) -> Rule:
    """Return the rule of a keyword that bounds the length of a text, a list or an object.

    Args:
        kind: The values that have such a length.
        fits: Whether a length keeps the bound.
        sentence: The fault of one that does not; the bound follows.
    """

    def rule(_check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
        if not isinstance(value, kind) or fits(len(cast("list[Json]", value)), wanted):
            return None
        return fault_of(value, f"{sentence} {{}}", wanted)

    return rule


def _missing(check: Check, names: list[str], value: dict[str, Json]) -> Fault | None:
    check.spend(len(names))
    for name in names:
        if name not in value:
            return Fault((), "{} is a required property", (name,))
    return None


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
