"""A fault says where it is and what is wrong, in few words, whatever the value holds."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.schema_fault import BITS_SHOWN, PARTS_SHOWN, TEXT_SHOWN, Words, fault_of, shown


def test_a_fault_names_the_value_and_what_it_breaks() -> None:
    fault = fault_of("x", "is not of type {}", Words("'integer'"))

    assert fault.message == "'x' is not of type 'integer'"
    assert fault.place == "$"


def test_a_fault_is_placed_by_the_steps_to_it_outermost_first() -> None:
    fault = fault_of(1, "is not {}", 2).under("b").under(3).under("a")

    assert (fault.place, fault.message) == ("$.a[3].b", "1 is not 2")


def test_a_place_is_short_whatever_the_names_are() -> None:
    fault = fault_of(1, "is not {}", 2)
    for _ in range(500):
        fault = fault.under("n" * 500)

    assert len(fault.place) < 1_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * (TEXT_SHOWN + 1), repr("x" * TEXT_SHOWN + "…")),
        (10**300, "a whole number of about 299 digits"),
        (2**BITS_SHOWN - 1, repr(2**BITS_SHOWN - 1)),
        (None, "None"),
        ([1, "a", None], "[1, 'a', None]"),
        ({"a": {"b": {"c": 1}}}, "{'a': {'b': …}}"),
        ([*range(PARTS_SHOWN + 1)], "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …]"),
    ],
    ids=["text", "number", "largest number", "null", "list", "nested", "long list"],
)
def test_a_value_is_repeated_by_its_beginning(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_value_of_any_size_is_repeated_in_few_characters() -> None:
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep]

    for value in (deep, ["x" * 9_999] * 9_999, {"k" * 9_999: ["v"] * 9_999}):
        assert len(shown(value)) <= TEXT_SHOWN + 1
