"""What an orchestrator writes about the same answers is read as sets of numbers, or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from atlas_mcp.atlas.same_answers import read_same_answers
from tests.support.shown_views import JSON


@pytest.mark.parametrize(
    ("written", "sets"),
    [
        ([[1, 3], [2, 4, 5]], [{1, 3}, {2, 4, 5}]),
        ([["#2", "Candidate 3", " 4 "]], [{2, 3, 4}]),
        ([1, 3], [{1, 3}]),
        (["1", "#3"], [{1, 3}]),
        ([[1.0, 3]], [{1, 3}]),
        ([[1, 3, 3]], [{1, 3}]),
        ([[0, 2], ["#0", 3]], [{0, 2}, {0, 3}]),
        ([[1, True, "two", None, 3]], [{1, 3}]),
        ([[1, 3], 7, "#8", {"candidates": [4, 5]}], [{1, 3}]),
    ],
    ids=repr,
)
def test_numbers_are_read_as_they_may_be_written(written: Any, sets: list[set[int]]) -> None:
    assert [set(numbers) for numbers in read_same_answers(written)] == sets


@pytest.mark.parametrize(
    "written",
    [
        None,
        "1, 3",
        13,
        {},
        [],
        [[]],
        [[1], [3]],
        [[1, 1]],
        [[0, 0], [-1, 2], [1.5, 3], [True, 4], [10**9, 5], ["2 and 3", 1], [float("nan"), 6]],
        [[["1", "3"]]],
    ],
    ids=repr,
)
def test_anything_else_says_nothing(written: Any) -> None:
    assert read_same_answers(written) == ()


@given(JSON)
def test_nothing_that_may_be_written_is_a_fault(written: Any) -> None:
    for numbers in read_same_answers(written):
        assert len(numbers) > 1
        assert all(type(one) is int and one >= 0 for one in numbers)
