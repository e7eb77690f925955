"""Unions of intervals."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.relations import real_sets
from atlas_mcp.atlas.comparing.relations.real_sets import Endpoint, Interval


def part(text: str) -> str:
    return f"<{text}>"


def at(value: int | str) -> Endpoint:
    found = real_sets.endpoint(str(value), part)
    assert found is not None
    return found


def test_intervals_that_touch_are_one() -> None:
    first, second = Interval(at(0), at(1), with_high=True), Interval(at(1), at(2))

    assert real_sets.union([second, first]) == (Interval(at(0), at(2)),)


def test_intervals_with_a_gap_of_one_number_stay_apart() -> None:
    both = (Interval(at(0), at(1)), Interval(at(1), at(2)))

    assert real_sets.union(both) == both
    assert real_sets.without([Interval(at(0), at(2))], at(1)) == both


def test_what_two_sets_have_in_common() -> None:
    first, second = Interval(at(0), at(5)), Interval(at(3), at("∞"), with_low=True)

    assert real_sets.common([first], [second]) == (Interval(at(3), at(5), with_low=True),)
    assert real_sets.common([Interval(at(0), at(1))], [second]) == ()


def test_an_empty_set_has_no_key_here() -> None:
    assert Interval(at(1), at(1), with_low=True).is_empty
    assert real_sets.key_of(()) is None
    assert real_sets.key_of((real_sets.line(part),)) is not None


def test_a_union_of_too_many_intervals_is_not_read() -> None:
    many = [Interval(at(2 * n), at(2 * n + 1)) for n in range(real_sets.MAX_INTERVALS + 1)]

    with pytest.raises(NotReadable):
        real_sets.union(many)


def test_only_a_number_is_an_end() -> None:
    assert real_sets.endpoint("x + 1", part) is None
    assert real_sets.endpoint("√2", part) is not None


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Find the domain of f.", True),
        ("Solve x^2 < 4.", True),
        ("Which inequality describes the solution set?", False),
        ("What is 3 + 4?", False),
    ],
)
def test_a_question_asks_for_a_set(question: str, asked: bool) -> None:
    assert real_sets.is_set_asked(question) == asked
