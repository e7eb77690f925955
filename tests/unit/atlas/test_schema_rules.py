"""Keywords, references and patterns of a schema."""

from __future__ import annotations

import reprlib
from typing import Any

import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_rules import (
    BadSchema,
    Graph,
    every,
    is_number,
    parts,
    patterns,
    pointer,
    references,
    target,
)
from atlas_mcp.errors import InvalidInput
from tests.support.schemas import doubling

FAULTY: list[Any] = [
    ({"$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}}, "without end"),
    (
        {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/gone"}], "$defs": {}},
        "there is no such one",
    ),
    ({"properties": {"x": {"not": {"$ref": "#/$defs/gone/x"}}}}, "there is no such one"),
    ({"$ref": "#/$defs/a/enum/0", "$defs": {"a": {"enum": [{}]}}}, "where no schema stands"),
    ({"$defs": {"a": {"$id": "https://a.example/b"}}}, r"has an \$id at \$defs/a"),
    ({"pattern": "(a{1000}){1000}"}, "patterns that repeat too much"),
    ({"anyOf": [{"pattern": f"\\w{{{i}}}"} for i in range(90, 120)]}, "repeat too much"),
    ({"enum": ["x"] * 1_000_000}, "is longer than 16,384 bytes"),
    ({"enum": ["\ud800"]}, "is not valid Unicode"),
    ({"maximum": float("inf")}, "is not JSON"),
    ({"required": ["a", "a"]}, "and it must be a list of strings, each once"),
    ({"required": [1, "a"] * 1_500}, "and it must be a list of strings, each once"),
    ({"anyOf": []}, "and it must be a list of schemas"),
    ({"multipleOf": 0}, "at multipleOf: 0 stands there, and it must be a number above 0"),
    ({"items": [{"type": "string"}]}, "at items: no schema stands there"),
    ({"properties": {"a": {"minLength": -1}}}, "at properties/a/minLength"),
]


@pytest.mark.parametrize(
    ("schema", "reason"),
    FAULTY,
    ids=reprlib.repr,
)
def test_the_fault_of_a_schema_is_named(schema: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        make_problem("x", answer_schema=schema)


SCHEMA: dict[str, Any] = {
    "$defs": {"a": {"type": "integer"}, "b~/": {"enum": [1]}},
    "properties": {"x": {"$ref": "#/$defs/a"}, "y": True},
    "anyOf": [{"pattern": "^a"}, {"patternProperties": {"b": False}}],
    "items": {"not": {"const": 1}},
    "const": {"items": "no schema here"},
}


def test_the_schemas_right_inside_a_schema_are_found_by_keyword() -> None:
    found = [(part.keyword, part.where) for part in parts(SCHEMA)]

    assert found == [
        ("$defs", ("$defs", "a")),
        ("$defs", ("$defs", "b~/")),
        ("properties", ("properties", "x")),
        ("properties", ("properties", "y")),
        ("anyOf", ("anyOf", "0")),
        ("anyOf", ("anyOf", "1")),
        ("items", ("items",)),
    ]


def test_every_schema_but_true_and_false_is_walked_once_itself_first() -> None:
    places = ["/".join(where) for where, _ in every(SCHEMA)]

    assert places[0] == ""
    assert sorted(places[1:]) == [
        "$defs/a",
        "$defs/b~/",
        "anyOf/0",
        "anyOf/1",
        "items",
        "items/not",
        "properties/x",
    ]


def test_references_and_patterns_are_those_of_one_schema_and_not_of_its_parts() -> None:
    assert list(references(SCHEMA)) == []
    assert list(references(SCHEMA["properties"]["x"])) == ["#/$defs/a"]
    assert list(patterns(SCHEMA)) == []
    assert [list(patterns(one)) for one in SCHEMA["anyOf"]] == [["^a"], ["b"]]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#/$defs/a", {"type": "integer"}),
        ("#/$defs/b~0~1", {"enum": [1]}),
        ("#/$defs/b~0~1/enum/0", 1),
    ],
)
def test_a_reference_leads_to_a_place_in_its_own_schema(reference: str, found: Any) -> None:
    assert target(SCHEMA, reference) == found


@pytest.mark.parametrize("reference", ["#", "a.json", "#/$defs/c", "#/properties/x", "#/$defs/a/9"])
def test_a_reference_that_leads_elsewhere_or_nowhere_is_refused(reference: str) -> None:
    with pytest.raises(BadSchema, match="refers to"):
        target(SCHEMA, reference)


def test_a_schema_that_holds_itself_against_the_same_value_turns_in_circles() -> None:
    def graph(a: dict[str, Any]) -> Graph:
        return Graph({"$ref": "#/$defs/a", "$defs": {"a": a}})

    assert graph({"anyOf": [{"$ref": "#/$defs/a"}]}).turns_in_circles()
    assert not graph({"items": {"$ref": "#/$defs/a"}}).turns_in_circles(), "the value gets smaller"


def test_schemas_are_counted_with_their_references_written_out() -> None:
    plain: dict[str, Any] = {"properties": {"a": {}, "b": {}}}
    referred: dict[str, Any] = {
        "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}},
        "$defs": {"n": {"items": {}}},
    }

    assert (Graph(plain).expanded(), Graph(referred).expanded()) == (3, 7)
    assert Graph(doubling(30)).expanded() > 2**30


@pytest.mark.parametrize(
    ("value", "number"), [(1, True), (1.5, True), (True, False), ("1", False), (None, False)]
)
def test_true_is_no_number(value: Any, number: bool) -> None:
    assert is_number(value) is number


def test_a_place_is_named_and_the_whole_schema_is_the_top() -> None:
    assert (pointer(()), pointer(("properties", "a"))) == ("the top", "properties/a")
