"""Whether a value fits a JSON Schema (2020-12), found out within a bound on the work.

Owns the list of keywords and the rule of each. The rules are in `atlas.schema_values` and
`atlas.schema_parts`, the bound in `atlas.schema_check`.
"""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.atlas import schema_parts as parts
from atlas_mcp.atlas import schema_values as values
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.schema_check import TOO_DEEP, BeyondBound, Check, Rule
from atlas_mcp.atlas.schema_fault import Fault
from atlas_mcp.atlas.schema_rules import BadSchema

MAX_STEPS = 80_000
"""Steps of one check. Our own choice: they take some 40 ms on one core of 2026, and a list of
20,000 numbers, which is more than a model writes, takes fewer."""

RULES: Mapping[str, Rule] = {
    "$ref": parts.reference,
    "$dynamicRef": parts.reference,
    "type": values.of_type,
    "enum": values.one_of_values,
    "const": values.constant,
    "multipleOf": values.multiple_of,
    "maximum": values.bounded(lambda value, most: value <= most, "is greater than the maximum of"),
    "exclusiveMaximum": values.bounded(lambda value, most: value < most, "must be less than"),
    "minimum": values.bounded(lambda value, least: value >= least, "is less than the minimum of"),
    "exclusiveMinimum": values.bounded(lambda value, least: value > least, "must be greater than"),
    "maxLength": values.of_length(str, lambda n, most: n <= most, "is longer than"),
    "minLength": values.of_length(str, lambda n, least: n >= least, "is shorter than"),
    "maxItems": values.of_length(list, lambda n, most: n <= most, "has more items than"),
    "minItems": values.of_length(list, lambda n, least: n >= least, "has fewer items than"),
    "maxProperties": values.of_length(dict, lambda n, most: n <= most, "has more properties than"),
    "minProperties": values.of_length(
        dict, lambda n, least: n >= least, "has fewer properties than"
    ),
    "pattern": values.pattern,
    "uniqueItems": values.unique_items,
    "prefixItems": parts.prefix_items,
    "items": parts.items,
    "contains": parts.contains,
    "required": values.required,
    "dependentRequired": values.dependent_required,
    "properties": parts.properties,
    "patternProperties": parts.pattern_properties,
    "additionalProperties": parts.additional_properties,
    "propertyNames": parts.property_names,
    "allOf": parts.all_of,
    "anyOf": parts.any_of,
    "oneOf": parts.one_of,
    "not": parts.none_of,
    "if": parts.if_then_else,
    "dependentSchemas": parts.dependent_schemas,
}
"""The keywords that a value can break, each with its rule; `unevaluated…` are the check's own."""


def fault_in(value: Json, schema: Mapping[str, Json], *, steps: int = MAX_STEPS) -> Fault | None:
    """Return why a value does not fit a schema, `None` if it does.

    Raises:
        BeyondBound: The check takes more than `steps`, or the schema is no valid one.
    """
    try:
        return Check(schema, RULES, steps).hold(schema, value).fault
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
        # A schema that was checked has none of these faults; one of an edited journal may.
        raise BeyondBound("its schema is no valid one") from error
