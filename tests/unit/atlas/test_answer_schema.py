"""Which shapes an answer can be asked for in, and which answers have them."""

from __future__ import annotations

import reprlib
from typing import Any

import pytest

from atlas_mcp.atlas.answer_schema import MAX_SCHEMA_DEPTH, answer_error
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.errors import InvalidInput
from tests.support.schemas import KEYWORDS, doubling


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
    ids=reprlib.repr,
)
def test_a_schema_that_no_answer_can_be_checked_against_is_refused(schema: object) -> None:
    with pytest.raises(InvalidInput, match="`answer_schema`"):
        make_problem("x", answer_schema=schema)


def test_without_a_schema_an_answer_is_a_string() -> None:
    assert answer_error("42", None) is None
    for wrong in (42, None, ["42"], {"answer": "42"}):
        assert answer_error(wrong, None)


def test_a_fault_says_where_it_is() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}

    assert "$.n" in (answer_error({"n": "x"}, schema) or "")


# Schemas that would take for ever


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


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_schema_whose_definitions_double_at_each_level_is_refused_by_name(keyword: str) -> None:
    with pytest.raises(InvalidInput, match=r"amounts to .* schemas once its references"):
        make_problem("x", answer_schema=doubling(40, keyword))

    assert make_problem("x", answer_schema=doubling(5, keyword)).answer_schema
