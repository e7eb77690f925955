"""Schemas that plainly fit no value are told before money is spent."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_empty import MAX_VALUES, fits_nothing
from atlas_mcp.errors import InvalidInput

EMPTY: list[tuple[dict[str, Any], str]] = [
    ({"enum": []}, "the top"),
    ({"not": {}}, "the top"),
    ({"not": True}, "the top"),
    ({"type": "string", "enum": [1, 2]}, "the top"),
    ({"const": "x", "maxLength": 0}, "the top"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "the top"),
    ({"anyOf": [False, {"enum": []}]}, "anyOf"),
    ({"allOf": [{"type": "integer"}, False]}, "allOf/1"),
    (
        {"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]},
        "properties/a",
    ),
    ({"type": "array", "minItems": 1, "items": False}, "items"),
    ({"$defs": {"n": {"type": "null"}}, "$ref": "#/$defs/n", "const": 1}, "the top"),
]


@pytest.mark.parametrize(("schema", "place"), EMPTY)
def test_a_schema_that_plainly_fits_no_value_is_refused_before_money(
    schema: object, place: str
) -> None:
    with pytest.raises(InvalidInput, match=f"fits no value at all, at {place};"):
        make_problem("x", answer_schema=schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [False, {"type": "integer"}]},
        {"type": "object", "properties": {"a": False}},
        {"properties": {"a": {"enum": []}}, "required": ["a"]},
        {"type": "array", "items": False},
        {"type": "array", "minItems": 1, "prefixItems": [True], "items": False},
        {"type": ["string", "null"], "minLength": 3, "maxLength": 2},
        {"enum": [1, "x"], "type": "string"},
        {"not": {"type": "string"}},
    ],
)
def test_a_schema_that_some_value_fits_is_taken(schema: dict[str, Any]) -> None:
    assert make_problem("x", answer_schema=schema).answer_schema == schema


def test_the_place_that_fits_nothing_is_told_and_a_schema_of_unknown_kind_is_not_judged() -> None:
    assert fits_nothing({"allOf": [{"type": "string"}, {"enum": []}]}) == "allOf/1"
    assert fits_nothing({"allOf": [{"type": "string"}, {"type": "integer"}]}) is None, "not plain"


def test_values_that_are_too_many_to_try_are_taken_to_fit() -> None:
    few, many = [*range(MAX_VALUES)], [*range(MAX_VALUES + 1)]

    assert fits_nothing({"enum": few, "type": "string"}) == "the top"
    assert fits_nothing({"enum": many, "type": "string"}) is None
