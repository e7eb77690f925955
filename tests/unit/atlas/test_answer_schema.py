"""Which shapes an answer can be asked for in, and which answers have them."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from atlas_mcp.atlas.answer_schema import ENDLESS, MAX_SCHEMA_DEPTH, answer_error
from atlas_mcp.atlas.explore import candidate_schema
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.prompts import decision_schema, synthesis_schema
from atlas_mcp.errors import InvalidInput
from tests.unit.atlas.builders import a_run


@pytest.mark.parametrize(
    "schema",
    [
        "string",
        [],
        True,
        {"type": "text"},
        {"type": "string", "pattern": "("},
        {"properties": 3},
        {"enum": ["x" * 20_000]},
        {"const": {1, 2}},
        {"$ref": "https://example.com/s.json"},
        {"items": {"$ref": "other.json#/a"}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#anchor"},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "string", "pattern": "(?=looks ahead)x"},
        {"patternProperties": {"(a)\\1": True}},
    ],
    ids=repr,
)
def test_a_schema_that_no_answer_can_be_checked_against_is_refused(schema: object) -> None:
    with pytest.raises(InvalidInput, match="`answer_schema`"):
        make_problem("x", answer_schema=schema)


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
    ends = {"explanation": "e", "supported": True, "dissent": None, **common}
    schema, value = {
        "solver": (
            candidate_schema(problem.answer_schema),
            {"approach": "a", "justification": "j", **common},
        ),
        "synthesis": (synthesis_schema(problem), ends),
        "decision": (
            decision_schema(problem, a_run()),
            {"assessment": "a", "action": "answer", **ends},
        ),
    }[role]
    validator: Any = Draft202012Validator(schema)

    assert validator.is_valid(value)
    assert not validator.is_valid({**value, "answer": ["no"]})


def test_without_a_schema_an_answer_is_a_string() -> None:
    assert answer_error("42", None) is None
    for wrong in (42, None, ["42"], {"answer": "42"}):
        assert answer_error(wrong, None)


def test_a_fault_says_where_it_is() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}

    assert "$.n" in (answer_error({"n": "x"}, schema) or "")


# What would take for ever


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


def test_a_schema_is_nested_only_so_deep() -> None:
    assert make_problem("x", answer_schema=nested(MAX_SCHEMA_DEPTH - 1)).answer_schema

    for levels in (MAX_SCHEMA_DEPTH + 1, 1_200):
        with pytest.raises(InvalidInput, match="nested deeper than 64 levels"):
            make_problem("x", answer_schema=nested(levels))


def test_a_pattern_that_would_backtrack_for_ever_is_checked_at_once() -> None:
    schema = make_problem("x", answer_schema={"type": "string", "pattern": "^(a+)+$"}).answer_schema

    assert answer_error("a" * 50_000, schema) is None
    assert "does not match" in (answer_error("a" * 50_000 + "!", schema) or "")


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


def test_an_answer_that_is_nested_without_end_is_a_fault_and_no_crash() -> None:
    tree = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}
    answer: list[Any] = []
    for _ in range(5_000):
        answer = [answer]

    assert answer_error([[], [[]]], make_problem("x", answer_schema=tree).answer_schema) is None
    assert answer_error(answer, tree) == ENDLESS


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ({"enum": ["A", "B", "C", "D"]}, "B", "E"),
        ({"type": "number", "minimum": 0}, 2.5, -1),
        ({"type": "integer"}, 42, "42"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, ["x"], []),
    ],
    ids=["choice", "number", "integer", "list"],
)
def test_multiple_choice_and_numbers_are_just_schemas(
    schema: dict[str, Any], fits: Any, does_not: Any
) -> None:
    checked = make_problem("x", answer_schema=schema).answer_schema

    assert answer_error(fits, checked) is None
    assert answer_error(does_not, checked)
