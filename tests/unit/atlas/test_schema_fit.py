"""A value fits a schema as JSON Schema 2020-12 has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_fit import RULES, fault_in
from atlas_mcp.errors import InvalidInput
from tests.support.drawing import draws


def test_a_schema_that_was_never_checked_is_a_fault_and_no_crash() -> None:
    unchecked: list[dict[str, Any]] = [
        {"type": 3},
        {"$ref": 5},
        {"$ref": "#/$defs/gone"},
        {"items": "x"},
        {"pattern": "("},
        {"required": 3},
        {"multipleOf": 0},
        {"properties": []},
    ]
    for schema in unchecked:
        for answer in ({"a": 1}, [1], "x", 3):
            error = answer_error(answer, schema)
            assert error is None or isinstance(error, str)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "ab"]),
    lambda one: (
        st.lists(one, max_size=3) | st.dictionaries(st.sampled_from("abc"), one, max_size=3)
    ),
    max_leaves=6,
)


def _schemas(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(below, min_size=1, max_size=2)
    named = st.dictionaries(st.sampled_from("abc"), below, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "object", "array", ["null", "number"]]),
            "enum": st.lists(_VALUES, max_size=2),
            "const": _VALUES,
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "maxLength": st.integers(0, 2),
            "minItems": st.integers(0, 2),
            "maxProperties": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "properties": named,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c"]), below, max_size=2),
            "additionalProperties": below,
            "propertyNames": below,
            "prefixItems": several,
            "items": below,
            "contains": below,
            "minContains": st.integers(0, 2),
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": below,
            "if": below,
            "then": below,
            "else": below,
            "dependentSchemas": named,
            "dependentRequired": st.dictionaries(
                st.sampled_from("abc"), st.lists(st.sampled_from("abc"), max_size=1), max_size=1
            ),
            "unevaluatedItems": below,
            "unevaluatedProperties": below,
            "$ref": st.just("#/$defs/a"),
        },
    )


@settings(max_examples=draws(300), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(st.booleans(), _schemas, max_leaves=4).filter(lambda one: isinstance(one, dict)),
    _VALUES,
)
def test_schemas_mean_what_the_reference_validator_says(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "$defs": {"a": {"type": ["integer", "array"], "maxItems": 1}}}

    reference: Any = Draft202012Validator(whole)
    try:
        checked = make_problem("x", answer_schema=whole).answer_schema
    except InvalidInput:
        assert not reference.is_valid(value)
        return

    assert (answer_error(value, checked) is None) == reference.is_valid(value)


WHOLE: list[tuple[str, Any, Any, Any]] = [
    ("$ref", {"$ref": "#/$defs/n"}, 1, "x"),
    ("$dynamicRef", {"$dynamicRef": "#/$defs/n"}, 1, "x"),
    ("type", {"type": "null"}, None, 0),
    ("enum", {"enum": [1, "a"]}, "a", "b"),
    ("const", {"const": [1]}, [1.0], [2]),
    ("multipleOf", {"multipleOf": 0.1}, 0.3, 0.35),
    ("maximum", {"maximum": 2}, 2, 2.5),
    ("exclusiveMaximum", {"exclusiveMaximum": 2}, 1, 2),
    ("minimum", {"minimum": 2}, 2, 1),
    ("exclusiveMinimum", {"exclusiveMinimum": 2}, 3, 2),
    ("maxLength", {"maxLength": 1}, "a", "ab"),
    ("minLength", {"minLength": 1}, "a", ""),
    ("maxItems", {"maxItems": 1}, [1], [1, 2]),
    ("minItems", {"minItems": 1}, [1], []),
    ("maxProperties", {"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}),
    ("minProperties", {"minProperties": 1}, {"a": 1}, {}),
    ("pattern", {"pattern": "^a"}, "ab", "ba"),
    ("uniqueItems", {"uniqueItems": True}, [1, "1"], [1, 1.0]),
    ("prefixItems", {"prefixItems": [{"type": "null"}]}, [None, 1], [1]),
    ("items", {"items": {"type": "integer"}}, [1, 2], [1, "x"]),
    ("contains", {"contains": {"type": "null"}}, [1, None], [1]),
    ("required", {"required": ["a"]}, {"a": 1}, {"b": 1}),
    ("dependentRequired", {"dependentRequired": {"a": ["b"]}}, {"c": 1}, {"a": 1}),
    ("properties", {"properties": {"a": {"type": "null"}}}, {"b": 1}, {"a": 1}),
    ("patternProperties", {"patternProperties": {"^a": False}}, {"b": 1}, {"ab": 1}),
    ("additionalProperties", {"additionalProperties": False}, {}, {"b": 1}),
    ("propertyNames", {"propertyNames": {"maxLength": 1}}, {"a": 1}, {"ab": 1}),
    ("allOf", {"allOf": [True, {"type": "null"}]}, None, 1),
    ("anyOf", {"anyOf": [False, {"type": "null"}]}, None, 1),
    ("oneOf", {"oneOf": [True, {"type": "null"}]}, 1, None),
    ("not", {"not": {"type": "null"}}, 1, None),
    ("if", {"if": {"type": "null"}, "then": False}, 1, None),
    ("dependentSchemas", {"dependentSchemas": {"a": False}}, {"b": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("keyword", "schema", "fits", "breaks"), WHOLE, ids=lambda one: str(one))
def test_every_keyword_takes_a_value_and_refuses_another(
    keyword: str, schema: dict[str, Any], fits: Any, breaks: Any
) -> None:
    whole = {**schema, "$defs": {"n": {"type": "integer"}}}

    assert fault_in(fits, whole) is None
    assert fault_in(breaks, whole) is not None
    assert keyword in RULES


def test_every_keyword_with_a_rule_is_shown() -> None:
    assert {keyword for keyword, *_ in WHOLE} == set(RULES)


def test_parts_that_no_keyword_looked_at_are_held_last() -> None:
    schema = {
        "allOf": [{"properties": {"a": True}}],
        "unevaluatedProperties": {"type": "integer"},
    }

    assert fault_in({"a": "x", "b": 1}, schema) is None
    fault = fault_in({"a": "x", "b": "y"}, schema)
    assert fault is not None
    assert fault.place == "$.b"
    assert "unevaluated" in str(fault_in([1], {"unevaluatedItems": False}))
