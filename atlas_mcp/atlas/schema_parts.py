"""The keywords of JSON Schema that hold the parts of a value, or the value again, against schemas.

Each function is a rule of `atlas.schema_check`, which counts the work and remembers the results.
"""

from __future__ import annotations

from typing import Any, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_check import Check, Evaluated
from atlas_mcp.atlas.schema_fault import Fault, fault_of

# Lists


def prefix_items(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`prefixItems`."""
    if not isinstance(value, list):
        return None
    pairs = zip(cast("list[Json]", wanted), cast("list[Json]", value), strict=False)
    return check.hold_each(((i, below, one) for i, (below, one) in enumerate(pairs)), evaluated)


def items(
    check: Check, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`items`: those behind `prefixItems`."""
    if not isinstance(value, list):
        return None
    first = len(cast("list[Json]", schema.get("prefixItems", ())))
    rest = enumerate(cast("list[Json]", value)[first:], first)
    return check.hold_each(((i, wanted, one) for i, one in rest), evaluated)


def contains(
    check: Check, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`contains`, with `minContains` and `maxContains`."""
    if not isinstance(value, list):
        return None
    least, most = schema.get("minContains", 1), schema.get("maxContains")
    count = 0
    for number, one in enumerate(cast("list[Json]", value)):
        if check.hold(wanted, one).fault is None:
            count += 1
            if check.collects:
                evaluated.add(number)
    if count < least:
        return fault_of(value, "does not contain {} items that fit the given schema", least)
    if most is not None and count > most:
        return fault_of(value, "contains more than {} items that fit the given schema", most)
    return None


# Objects


def properties(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`properties`."""
    if not isinstance(value, dict):
        return None
    named = cast("dict[str, Json]", wanted)
    check.spend(len(named))
    found = cast("dict[str, Json]", value)
    return check.hold_each(
        ((name, below, found[name]) for name, below in named.items() if name in found),
        evaluated,
    )


def pattern_properties(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`patternProperties`."""
    if not isinstance(value, dict):
        return None
    found = cast("dict[str, Json]", value)
    check.spend(len(wanted))
    return check.hold_each(
        (
            (name, below, one)
            for pattern, below in cast("dict[str, Json]", wanted).items()
            for name, one in found.items()
            if check.matches(pattern, name)
        ),
        evaluated,
    )


def additional_properties(
    check: Check, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`additionalProperties`: those that neither `properties` nor a pattern names."""
    if not isinstance(value, dict):
        return None
    check.spend(len(cast("dict[str, Json]", value)))
    named = schema.get("properties", {})
    forms = cast("dict[str, Json]", schema.get("patternProperties", {}))
    rest = [
        (name, wanted, one)
        for name, one in cast("dict[str, Json]", value).items()
        if name not in named and not any(check.matches(form, name) for form in forms)
    ]
    if rest and wanted is False:
        names = [name for name, _, _ in rest[:5]]
        return Fault((), "additional properties are not allowed ({} unexpected)", (names,))
    return check.hold_each(rest, evaluated)


def property_names(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`propertyNames`."""
    if isinstance(value, dict):
        for name in cast("dict[str, Json]", value):
            fault = check.hold(wanted, name).fault
            if fault is not None:
                return fault
    return None


# The value itself, held against further schemas


def reference(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`$ref` and `$dynamicRef`."""
    return check.hold_too(check.target(wanted), value, evaluated)


def all_of(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`allOf`."""
    for one in cast("list[Json]", wanted):
        fault = check.hold_too(one, value, evaluated)
        if fault is not None:
            return fault
    return None


def any_of(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`anyOf`."""
    fits = False
    for one in cast("list[Json]", wanted):
        fits = check.hold_too(one, value, evaluated) is None or fits
        if fits and not check.collects:
            return None
    if fits:
        return None
    return fault_of(value, "is not valid under any of the given schemas")


def one_of(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`oneOf`."""
    count = 0
    for one in cast("list[Json]", wanted):
        count += check.hold_too(one, value, evaluated) is None
        if count > 1:
            return fault_of(value, "is valid under more than one of the given schemas")
    if count:
        return None
    return fault_of(value, "is not valid under any of the given schemas")


def none_of(check: Check, wanted: Json, value: Json, *_: Any) -> Fault | None:
    """`not`."""
    if check.hold(wanted, value).fault is not None:
        return None
    return fault_of(value, "should not be valid under {}", wanted)


def if_then_else(
    check: Check, wanted: Json, value: Json, schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`if`, with `then` and `else`."""
    fits = check.hold_too(wanted, value, evaluated) is None
    return check.hold_too(schema.get("then" if fits else "else", True), value, evaluated)


def dependent_schemas(
    check: Check, wanted: Json, value: Json, _schema: dict[str, Json], evaluated: Evaluated
) -> Fault | None:
    """`dependentSchemas`."""
    if not isinstance(value, dict):
        return None
    for name, below in cast("dict[str, Json]", wanted).items():
        check.spend(1)
        fault = check.hold_too(below, value, evaluated) if name in value else None
        if fault is not None:
            return fault
    return None
