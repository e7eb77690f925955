"""Which values a completion offers."""

from __future__ import annotations

from atlas_mcp.server.completion import MAX_COMPLETIONS, completion


def test_values_that_begin_with_it_come_alone_and_in_order() -> None:
    found = completion(["b-one", "one-b", "b-two"], "B")

    assert found.values == ["b-one", "b-two"]
    assert (found.total, found.has_more) == (2, False)


def test_where_none_begins_with_it_those_that_hold_it_are_offered() -> None:
    assert completion(["work_backwards", "direct"], "backw").values == ["work_backwards"]
    assert completion(["direct"], "x").values == []


def test_a_completion_is_bounded_and_says_how_many_there_are() -> None:
    found = completion([str(number) for number in range(3 * MAX_COMPLETIONS)], "")

    assert len(found.values) == MAX_COMPLETIONS
    assert (found.total, found.has_more) == (3 * MAX_COMPLETIONS, True)
