"""Keywords that hold parts of a value, or the value again, against schemas."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.explore import candidate_schema
from atlas_mcp.atlas.orchestrator_schemas import decision_schema, synthesis_schema
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_fit import fault_in
from tests.support.played_runs import a_run

RECURRING: dict[str, Any] = {
    "$defs": {"whole": {"type": "integer", "minimum": 0}},
    "type": "array",
    "items": {"$ref": "#/$defs/whole"},
}


def test_a_reference_inside_the_schema_is_followed() -> None:
    schema = make_problem("x", answer_schema=RECURRING).answer_schema

    assert answer_error([1, 2], schema) is None
    assert answer_error([1, -2], schema) is not None


@pytest.mark.parametrize("role", ["solver", "synthesis", "decision"])
def test_a_reference_still_leads_somewhere_in_what_models_are_sent(role: str) -> None:
    problem = make_problem("x", answer_schema=RECURRING)
    common: dict[str, Any] = {"confidence_percent": 5, "answer": [1, 2]}
    ends: dict[str, Any] = {
        "explanation": "e",
        "supported": True,
        "dissent": None,
        "same_answers": [],
        **common,
    }
    schema, value = {
        "solver": (
            candidate_schema(problem.answer_schema),
            {"approach": "a", "justification": "j", **common},
        ),
        "synthesis": (synthesis_schema(problem, a_run()), ends),
        "decision": (
            decision_schema(problem, a_run()),
            {"assessment": "a", "action": "answer", **ends},
        ),
    }[role]
    validator: Any = Draft202012Validator(schema)

    assert validator.is_valid(value)
    assert not validator.is_valid({**value, "answer": ["no"]})


def test_patterns_of_property_names_are_followed() -> None:
    schema = {"type": "object", "patternProperties": {"^n_": {"type": "integer"}}}

    assert answer_error({"n_a": 1, "other": "x"}, schema) is None
    assert "n_a" in (answer_error({"n_a": "x"}, schema) or "")


def test_a_property_may_be_called_pattern() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}

    assert (
        answer_error({"pattern": "(?=x)"}, make_problem("x", answer_schema=schema).answer_schema)
        is None
    )


PLACED: list[Any] = [
    ({"items": {"type": "integer"}}, [1, "x"], "$[1]"),
    ({"prefixItems": [{}, {"type": "null"}]}, [1, 1], "$[1]"),
    ({"prefixItems": [{}], "items": False}, [1, 2], "$[1]"),
    ({"properties": {"a": {"items": False}}}, {"a": [1]}, "$.a[0]"),
    ({"patternProperties": {"^a": {"type": "null"}}}, {"ab": 1}, "$.ab"),
    ({"additionalProperties": {"type": "null"}}, {"z": 1}, "$.z"),
]


@pytest.mark.parametrize(("schema", "value", "place"), PLACED)
def test_the_fault_of_a_part_is_placed_at_the_part(schema: Any, value: Any, place: str) -> None:
    fault = fault_in(value, schema)

    assert fault is not None
    assert fault.place == place


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (2, True), (3, False)])
def test_items_that_fit_are_counted(count: int, fits: bool) -> None:
    schema = {"contains": {"const": 1}, "minContains": 1, "maxContains": 2}

    assert (fault_in([1] * count + [2], schema) is None) == fits


def test_the_names_of_unexpected_properties_are_told() -> None:
    fault = fault_in({"a": 1, "b": 2}, {"properties": {"a": {}}, "additionalProperties": False})

    assert fault is not None
    assert fault.message == "additional properties are not allowed (['b'] unexpected)"
