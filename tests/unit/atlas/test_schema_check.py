"""Work on a schema and a value is bounded, and each pair of them is held once."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_check import TOO_DEEP
from tests.support.schemas import KEYWORDS, doubling


def test_a_pattern_that_would_backtrack_for_ever_is_checked_at_once() -> None:
    schema = make_problem("x", answer_schema={"type": "string", "pattern": "^(a+)+$"}).answer_schema

    assert answer_error("a" * 50_000, schema) is None
    assert "does not match" in (answer_error("a" * 50_000 + "!", schema) or "")


def test_an_answer_that_is_nested_without_end_is_a_fault_and_no_crash() -> None:
    tree = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}
    answer: list[Any] = []
    for _ in range(5_000):
        answer = [answer]

    assert answer_error([[], [[]]], make_problem("x", answer_schema=tree).answer_schema) is None
    assert answer_error(answer, tree) == TOO_DEEP


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_an_answer_is_held_against_a_schema_once_however_many_ways_lead_there(keyword: str) -> None:
    answers: list[Any] = [3, "x", [], [[[]]], {"a": {"b": {}}}, None]
    for answer in answers:
        error = answer_error(answer, doubling(40, keyword))

        assert error is None or "cannot be checked" not in error


UNCHECKABLE = "cannot be checked within the bound of 80,000 steps"


TOO_MUCH: list[Any] = [
    ({"uniqueItems": True}, [{"a": i, "b": [i]} for i in range(40_000)]),
    ({"contains": {"const": [1]}, "minContains": 0}, [[i, i, i] for i in range(30_000)]),
    (
        {"patternProperties": {f"^{i}.*x": {} for i in range(300)}},
        dict.fromkeys(map(str, range(500))),
    ),
    ({"pattern": "a[ab]{900}[^ab]"}, "abaab" * 20_000),
    ({"pattern": "(a{1000}){1000}"}, "a"),
    ({"const": [1]}, [1] * 100_000),
    ({"enum": [[1]]}, {"x": [1] * 100_000}),
    ({"propertyNames": {"pattern": "^[0-9]*$"}}, dict.fromkeys(map(str, range(60_000)))),
    ({"items": {"type": "integer"}}, [*range(100_000)]),
]


@pytest.mark.parametrize(
    ("schema", "answer"),
    TOO_MUCH,
    ids=[
        "unique", "contains", "pattern properties", "pattern", "endless pattern", "const", "enum",
        "names", "items",
    ],
)  # fmt: skip
def test_an_answer_that_takes_too_much_work_does_not_fit(schema: Any, answer: Any) -> None:
    assert UNCHECKABLE in (answer_error(answer, schema) or "")


def test_a_list_as_long_as_a_model_writes_can_be_checked() -> None:
    whole: dict[str, Any] = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}

    assert answer_error([*range(10_000)], whole) is None
    assert answer_error([*range(10_000), 5], whole) == (
        "$[10000]: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …] has non-unique elements"
    )
    assert answer_error([{"n": i} for i in range(8_000)], {"uniqueItems": True}) is None


def test_thousands_of_numbers_made_to_hash_alike_are_compared_all_the_same() -> None:
    alike = [i * (2**61 - 1) for i in range(5_000)]

    assert answer_error(alike, {"uniqueItems": True}) is None
    assert "non-unique" in (answer_error([*alike, 0], {"uniqueItems": True}) or "")
