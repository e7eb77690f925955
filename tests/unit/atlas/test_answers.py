"""An answer that was written in another way than its schema has it is read as it was meant."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.answers import read_answer
from atlas_mcp.atlas.messages import Json

WORDS: Json = {"enum": ["A", "B", "C"]}
POINT: Json = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "array", "items": {"type": "number"}}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "schema", "read"),
    [
        ("42", {"type": "integer"}, 42),
        (" 42\n", {"type": "integer"}, 42),
        ("`42`", {"type": "integer"}, 42),
        ("**42**", {"type": "integer"}, 42),
        ("$42$", {"type": "integer"}, 42),
        ("\\boxed{42}", {"type": "integer"}, 42),
        ("$\\boxed{42}$", {"type": "integer"}, 42),
        ("\N{MINUS SIGN}42", {"type": "integer"}, -42),
        ("+42", {"type": "integer"}, 42),
        (".5", {"type": "number"}, 0.5),
        ("-.5", {"type": "number"}, -0.5),
        ("1,234,567", {"type": "integer"}, 1_234_567),
        ("```json\n[1, 2]\n```", {"type": "array"}, [1, 2]),
        ("[1, 2,]", {"type": "array"}, [1, 2]),
        ("{'x': True}", {"type": "object"}, {"x": True}),
        ("-1.5e3", {"type": "number"}, -1500.0),
        ("42.0", {"type": "integer"}, 42),
        (42.0, {"type": "integer"}, 42),
        ("1e3", {"type": "integer"}, 1000),
        (42.0, {"type": "number"}, 42.0),
        ('["1", "2"]', {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ('{"x": "1", "y": "[\\"2\\"]"}', POINT, {"x": 1, "y": [2]}),
        ("[1, 2, 3]", {"type": "array", "items": {"type": "integer"}}, [1, 2, 3]),
        ('{"x": 1}', {"type": "object"}, {"x": 1}),
        ("true", {"type": "boolean"}, True),
        ("False", {"type": "boolean"}, False),
        ("null", {"type": ["integer", "null"]}, None),
        ("42", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 42),
        (42, {"type": "string"}, "42"),
        (42, None, "42"),
        (0.1, None, "0.1"),
        (True, None, "true"),
        ("(B)", WORDS, "B"),
        ("b", WORDS, "B"),
        ("**B**.", WORDS, "B"),
        ("Answer: B", WORDS, "B"),
        ("The correct option is (C).", WORDS, "C"),
        ("yes", {"enum": ["Yes", "No"]}, "Yes"),
        ("$x$", {"const": "x"}, "x"),
        (2, {"enum": ["1", "2"]}, "2"),
        ("2", {"enum": [1, 2]}, 2),
        ({"x": "1", "y": ["2", "3.5"]}, POINT, {"x": 1, "y": [2, 3.5]}),
        ('{"x": "1"}', {"type": "object", "required": ["x"]}, {"x": "1"}),
        (["A.", "(C)"], {"type": "array", "items": WORDS}, ["A", "C"]),
    ],
)
def test_an_answer_is_read_in_the_shape_that_was_asked_for(
    answer: Json, schema: dict[str, Json] | None, read: Json
) -> None:
    found, wrong = read_answer(answer, schema)

    assert (found, type(found), wrong) == (read, type(read), None)


@pytest.mark.parametrize(
    ("answer", "schema"),
    [
        ("42", None),
        ("42", {"type": "string"}),
        ("(B)", {"type": "string"}),
        ("true", {"type": ["boolean", "string"]}),
        ("A", WORDS),
        ("01", {"enum": ["1", "01"]}),
    ],
)
def test_an_answer_that_fits_stays_as_it_was_written(
    answer: Json, schema: dict[str, Json] | None
) -> None:
    assert read_answer(answer, schema) == (answer, None)


@pytest.mark.parametrize(
    ("answer", "schema"),
    [
        ("about 42", {"type": "integer"}),
        ("1,234", {"type": "integer"}),
        ("4.5", {"type": "integer"}),
        ("A or B", WORDS),
        ("D", WORDS),
        ("", WORDS),
        ("aB", {"enum": ["AB", "Ab"]}),
        (None, {"type": "integer"}),
        (10**400, {"maximum": 0.5}),
        (7, {"minLength": 1, "maximum": 5}),
        (None, None),
        ("x" * 100_000, WORDS),
        ("(" * 100_000, WORDS),
    ],
)
def test_what_an_answer_may_mean_is_not_guessed(
    answer: Json, schema: dict[str, Json] | None
) -> None:
    found, wrong = read_answer(answer, schema)

    assert found == answer
    assert wrong is not None


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        (["900"] * 4_000, {"enum": list(range(900))}),
        (["1"] * 40_000, {"type": "integer"}),
    ],
)
def test_parts_beyond_the_allowance_of_an_answer_are_not_read(answer: Json, items: Json) -> None:
    found, wrong = read_answer(answer, {"type": "array", "items": items})

    assert found == answer
    assert wrong is not None


def test_a_whole_number_within_an_answer_is_one() -> None:
    found, wrong = read_answer({"x": 1.0, "y": [2.0]}, POINT)

    assert (repr(found), wrong) == ("{'x': 1, 'y': [2.0]}", None)
