"""Which shapes an answer can be asked for in, and which answers have them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from atlas_mcp.atlas.answer_schema import MAX_SCHEMA_DEPTH, answer_error
from atlas_mcp.atlas.explore import candidate_schema
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.prompts import decision_schema, synthesis_schema
from atlas_mcp.atlas.schema_fit import TOO_DEEP
from atlas_mcp.errors import InvalidInput
from tests.support.drawing import draws
from tests.support.played_runs import a_run


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
    assert answer_error(answer, tree) == TOO_DEEP


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


def two(ref: dict[str, Any], keyword: str) -> dict[str, Any]:
    shapes: dict[str, Any] = {
        "allOf": {"allOf": [ref, ref]},
        "anyOf": {"anyOf": [{"type": "null"}, ref, ref]},
        "oneOf": {"oneOf": [ref, {"not": ref}]},
        "properties": {"properties": {"a": ref, "b": ref}},
        "items": {"prefixItems": [ref, ref], "items": ref},
        "dependentSchemas": {"dependentSchemas": {"a": ref, "b": ref}},
        "if": {"if": ref, "then": ref, "else": ref},
        "unevaluatedProperties": {"allOf": [ref, ref], "unevaluatedProperties": ref},
        "type": {"type": ["null", "integer"], "allOf": [ref]},
        "$dynamicRef": {"allOf": [{"$dynamicRef": ref["$ref"]}, ref]},
    }
    return shapes[keyword]


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    """A schema that amounts to twice as much with each level, and is as long as its levels."""
    definitions = {f"a{i}": two({"$ref": f"#/$defs/a{i + 1}"}, keyword) for i in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{levels}": {"type": "integer"}}}


KEYWORDS = (
    "allOf", "anyOf", "oneOf", "properties", "items", "dependentSchemas", "if",
    "unevaluatedProperties", "$dynamicRef", "type",
)  # fmt: skip


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_schema_whose_definitions_double_at_each_level_is_refused_by_name(keyword: str) -> None:
    with pytest.raises(InvalidInput, match=r"amounts to .* schemas once its references"):
        make_problem("x", answer_schema=doubling(40, keyword))

    assert make_problem("x", answer_schema=doubling(5, keyword)).answer_schema


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
    ids=str,
)
def test_the_fault_of_a_schema_is_named(schema: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        make_problem("x", answer_schema=schema)


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
    ids=str,
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


def test_thousands_of_numbers_made_to_hash_alike_are_compared_all_the_same() -> None:
    alike = [i * (2**61 - 1) for i in range(5_000)]

    assert answer_error(alike, {"uniqueItems": True}) is None
    assert "non-unique" in (answer_error([*alike, 0], {"uniqueItems": True}) or "")


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


# What a schema means


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
