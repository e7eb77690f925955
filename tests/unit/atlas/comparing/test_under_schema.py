"""Values, compared as their schema says."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked

TEXT: dict[str, Any] = {"type": "string"}
COLOUR: dict[str, Any] = {"$ref": "#/$defs/c", "$defs": {"c": {"enum": ["Red", "red"]}}}
ANY_ORDER = "List the digits in any order."


def keys(one: Any, other: Any, question: str | None, schema: Any) -> tuple[str, str]:
    asked = Asked.about(question, schema)
    return answer_key(one, asked), answer_key(other, asked)


@pytest.mark.parametrize(
    ("one", "other", "question", "schema"),
    [
        ("Low", "low", None, {"type": "string", "examples": ["low", "high"]}),
        ("Rome ", "rome", "What is the capital of Italy?", TEXT),
        ("3/4", "0.75", None, TEXT),
        ("**B**", "B", None, {}),
        (2500, 2500.0, None, {"type": "number"}),
        (0.1, 1e-1, None, {"type": "number"}),
        (1e30, 10**30, None, {"type": "number"}),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}, None, {"type": "object"}),
        ({"a": {"city": "Rome."}}, {"a": {"city": "rome"}}, None, {}),
        (["x", "yes"], ["x", "Yes"], None, {"items": TEXT}),
        (["b", "a"], ["a", "b"], None, {"uniqueItems": True}),
        ([1, 2, 2], [2, 1, 2], ANY_ORDER, {"type": "array"}),
        ("a@B.org", "a@b.org", None, {"format": "email"}),
        ("A.Org", "a.org", None, {"format": "hostname"}),
        ("::1", "0:0:0:0:0:0:0:1", None, {"format": "ipv6"}),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z", None, {"format": "date-time"}),
        ("2026-01-01T00:30:00.50Z", "2026-01-01T00:30:00.5z", None, {"format": "date-time"}),
        ("10:00:00Z", "12:00:00+02:00", None, {"format": "time"}),
        ("ABCDEF00-0000-0000-0000-000000000000", "abcdef00-0000-0000-0000-000000000000", None,
         {"format": "uuid"}),
        ("5", "5.0", None, {"anyOf": [TEXT, {"type": "integer", "enum": [5]}]}),
    ],
)  # fmt: skip
def test_values_that_are_the_same(one: Any, other: Any, question: str | None, schema: Any) -> None:
    first, second = keys(one, other, question, schema)
    assert first == second


@pytest.mark.parametrize(
    ("one", "other", "question", "schema"),
    [
        ("Red", "red", None, COLOUR),
        ("Red", "red", None, {"anyOf": [TEXT, {"const": "red"}]}),
        ("Red", "red", None, {"allOf": [TEXT, {"pattern": "^[A-Za-z]+$"}]}),
        (["1.0"], ["1.00"], None, {"items": {"enum": ["1.0", "1.00"]}}),
        ({"a": "01"}, {"a": "1"}, None, {"properties": {"a": {"pattern": "^[0-9]+$"}}}),
        ({"a": "x"}, {"a": "X"}, None, {"patternProperties": {"^a": {"const": "x"}}}),
        ({"a": "Up"}, {"a": "up"}, None, {"additionalProperties": {"enum": ["Up", "up"]}}),
        (["Up"], ["up"], None, {"prefixItems": [{"enum": ["Up", "up"]}]}),
        ("Up", "up", None, {"if": {"minLength": 1}, "then": {"enum": ["Up", "up"]}}),
        ("x", "X", None, {"format": "binary"}),
        ("x.org/A", "x.org/a", None, {"format": "uri"}),
        ("2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.1234568Z", None,
         {"format": "date-time"}),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", None, {"format": "date-time"}),
        ("2026-13-01T00:00:00Z", "2026-13-01T00:00:00+00:00", None, {"format": "date-time"}),
        ("A@b.org", "a@b.org", None, {"format": "email"}),
        (0.1, 0.2, None, {"type": "number"}),
        (10**30, 10**30 + 1, None, {"type": "integer"}),
        ({"a": 10**1200}, {"a": 10**1200 + 1}, None, {}),
        (5, "5", None, {"type": ["integer", "string"]}),
        (True, "true", None, {"type": ["boolean", "string"]}),
        (True, 1, None, {}),
        (None, "null", None, {}),
        ([], None, None, {}),
        ([1, 2], [2, 1], None, {"type": "array"}),
        (["b", "a"], ["a", "b"], "In which order did they finish?", {"uniqueItems": True}),
        ([1, 2, 2], [2, 1], ANY_ORDER, {"type": "array"}),
        ([[1, 2]], [[2, 1]], "The order of the points does not matter.", {"type": "array"}),
        (["a,b"], ["a", "b"], None, {"items": TEXT}),
        ({"value": 5, "unit": "m"}, {"value": 5, "unit": "M"}, None, {}),
        ({"password": "Abc"}, {"password": "abc"}, None, {}),
        ({"zipCode": "06120"}, {"zipCode": "6120"}, None, {}),
        ({"version": "3.20"}, {"version": "3.2"}, None, {}),
        ("3.20", "3.2", None, {"type": "string", "description": "The Python version"}),
        ([1, 2], [2, 1], "Give the smaller and the larger root.", {"uniqueItems": True}),
        ({"a": 1}, '{"a": 1}', None, {}),
        ({"a": None}, {}, None, {}),
        ({"a": 1}, {"A": 1}, None, {}),
    ],
)  # fmt: skip
def test_values_that_are_not(one: Any, other: Any, question: str | None, schema: Any) -> None:
    first, second = keys(one, other, question, schema)
    assert first != second


def test_a_schema_that_refers_to_itself_is_followed_once() -> None:
    schema: dict[str, Any] = {
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"anyOf": [TEXT, {"items": {"$ref": "#/$defs/tree"}}]}},
    }
    first, second = keys([["Rome"], "a"], [["rome"], "a"], None, schema)
    assert first == second


def test_nesting_does_not_lengthen_a_key() -> None:
    value: Any = "x"
    for _ in range(100):
        value = [value]
    assert len(answer_key(value, Asked.about(None, {}))) < 200


def test_a_schema_that_leads_nowhere_compares_exactly() -> None:
    first, second = keys("Rome", "rome", None, {"$ref": "#/$defs/none"})
    assert first != second


@pytest.mark.parametrize(
    "question",
    [
        "List the factors of 6 in no particular order.",
        "List the factors of 6; their order does not matter.",
        "List the factors of 6, in any order.",
    ],
)
def test_an_order_that_does_not_count_in_a_text_does_not_count_in_an_array(question: str) -> None:
    of_array = Asked.about(question, {"type": "array", "items": {"type": "integer"}})

    assert answer_key([1, 2, 3, 6], of_array) == answer_key([6, 3, 2, 1], of_array)
    of_text = Asked.about(question)
    assert answer_key("1, 2, 3, 6", of_text) == answer_key("6, 3, 2, 1", of_text)
