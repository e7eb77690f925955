"""Keywords about a value as a whole."""

from __future__ import annotations

import reprlib
from typing import Any

import pytest

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.schema_fit import fault_in


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


HUGE = 10**4_000


NUMBERS: list[Any] = [
    ({"multipleOf": 0.5}, [10**400, 10**30 + 0.0, 1.5], [0.25]),
    ({"multipleOf": 0.1}, [0.3, 1.1, 4], [0.35]),
    ({"multipleOf": 10**300}, [10**301, 0], [1.5, 3]),
    ({"maximum": 1e308}, [5], [HUGE]),
    ({"const": HUGE}, [HUGE], [HUGE + 1, 1e308]),
    ({"enum": [1, True, None]}, [1.0, True, None], [False, 0, "1", 2]),
    ({"const": ["literal", "True"]}, [["literal", "True"]], [True]),
    ({"type": "integer"}, [1.0, HUGE], [1.5, True]),
]


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    NUMBERS,
    ids=reprlib.repr,
)
def test_numbers_are_compared_as_they_are(
    schema: Any, fits: list[Any], does_not: list[Any]
) -> None:
    checked = make_problem("x", answer_schema=schema).answer_schema

    for answer in fits:
        assert answer_error(answer, checked) is None
    for answer in does_not:
        error = answer_error(answer, checked)
        assert error is not None
        assert len(error) < 500


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": ["integer", "null"]}, "x", "'x' is not of type 'integer', 'null'"),
        ({"enum": ["a", 1]}, "b", "'b' is not one of ['a', 1]"),
        ({"maximum": 3}, 4, "4 is greater than the maximum of 3"),
        ({"minLength": 2}, "a", "'a' is shorter than 2"),
        ({"maxItems": 1}, [1, 2], "[1, 2] has more items than 1"),
        ({"required": ["a", "b"]}, {"a": 1}, "'b' is a required property"),
        ({"pattern": "^a$"}, "b", "'b' does not match '^a$'"),
    ],
)
def test_a_fault_says_what_was_asked_for(schema: Any, value: Any, message: str) -> None:
    fault = fault_in(value, schema)

    assert fault is not None
    assert fault.message == message


@pytest.mark.parametrize(
    "keyword", ["maximum", "minLength", "minItems", "minProperties", "pattern"]
)
def test_a_keyword_about_other_kinds_of_values_says_nothing(keyword: str) -> None:
    wanted: Any = "^a" if keyword == "pattern" else 3

    assert fault_in(None, {keyword: wanted}) is None
