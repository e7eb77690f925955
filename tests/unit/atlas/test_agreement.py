"""Which answers say the same, and what a reader of the agreement is warned of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.agreement import Vote, group_answers, warnings_of
from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED
from atlas_mcp.atlas.explore import Candidate, Strategy
from tests.support.played_runs import found


def votes(*answers: Any, strategies: str = "abcdefgh") -> list[Vote]:
    return [
        Vote(number, "s", strategies[number - 1], found(answer))
        for number, answer in enumerate(answers, start=1)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", " paris.\n"),
        ("**B**", "B"),
        ("`x + 1`", "x  +\n1"),
        ("$7$", "7"),
        (r"\boxed{7}", "7"),
        (r"The answer is $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        ("1,234,567", "1234567"),
        ("0.50", ".5"),
        ("+3", "3"),
        ("-0", "0"),
        ("1e3", "1000"),
        (3, "3.0"),
        (2.50, "2.5"),
        ("50 %", "50%"),
        ({"b": [1], "a": None}, {"a": None, "b": [1]}),
        ("TRUE", "true"),
    ],
)
def test_answers_that_say_the_same(one: Any, other: Any) -> None:
    assert answer_key(one, NOTHING_ASKED) == answer_key(other, NOTHING_ASKED)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A", "B"),
        ("X", "x"),
        ("3", "-3"),
        ("5%", "5"),
        ("0.5", "5"),
        ("x < 1", "x > 1"),
        ("1/2", "12"),
        ("1:2", "12"),
        ("1 2", "12"),
        ("[1, 2]", "[2, 1]"),
        ([1, 2], [2, 1]),
        (True, 1),
        (None, "none"),
        ("1,2", "12"),
        ("1,2,3", "123"),
        ("3,14", "314"),
        ("€5", "£5"),
        ("1" * 40, "1" * 39 + "2"),
        ("0." + "1" * 40, "0." + "1" * 39 + "2"),
    ],
)
def test_answers_that_do_not_say_the_same(one: Any, other: Any) -> None:
    assert answer_key(one, NOTHING_ASKED) != answer_key(other, NOTHING_ASKED)


@pytest.mark.parametrize("number", ["1e999999", "1e9999999", "1e-9999999", "-1e99999999999999"])
def test_a_number_of_any_size_has_a_short_key(number: str) -> None:
    assert len(answer_key(number, NOTHING_ASKED)) < 1_000


@given(st.text() | st.integers() | st.floats() | st.lists(st.text()) | st.none() | st.booleans())
def test_every_answer_has_a_key_and_keeps_it(answer: Any) -> None:
    assert answer_key(answer, NOTHING_ASKED) == answer_key(answer, NOTHING_ASKED)
    assert group_answers(votes(answer, answer))[0].votes[1].explore_id == 2


def test_groups_are_in_order_of_size_then_of_coming() -> None:
    groups = group_answers(votes("1", "2", "2.0", "3", "1."))

    assert [group.answer for group in groups] == ["1", "2", "3"]
    assert [[vote.explore_id for vote in group.votes] for group in groups] == [[1, 5], [2, 3], [4]]


@pytest.mark.requirement("SEEN-3")
def test_a_single_candidate_is_warned_of() -> None:
    [warning] = warnings_of(votes("1"))

    assert "one candidate" in warning


@pytest.mark.requirement("SEEN-3")
def test_one_way_to_all_answers_is_warned_of() -> None:
    assert "one strategy" in " ".join(warnings_of(votes("1", "1", strategies="aa")))
    assert warnings_of(votes("1", "1", strategies="ab")) == ()


def test_a_tie_is_warned_of() -> None:
    assert any("are tied" in one for one in warnings_of(votes("1", "2")))
    assert warnings_of(votes("1", "2", "1")) == ()
    assert warnings_of([]) == ()


def test_agreement_within_one_solver_is_warned_of_where_there_are_several() -> None:
    def vote(number: int, solver: str, answer: str) -> Vote:
        strategies: tuple[Strategy, ...] = ("direct", "decompose", "work_backwards")
        return Vote(number, solver, strategies[number % 3], Candidate(answer, "So.", "How.", 0.5))

    alone = [vote(1, "a", "1"), vote(2, "a", "1"), vote(3, "b", "2")]
    across = [vote(1, "a", "1"), vote(2, "b", "1"), vote(3, "b", "2")]
    only = [vote(1, "a", "1"), vote(2, "a", "1")]

    assert "one solver (a)" in " ".join(warnings_of(alone))
    assert "one solver" not in " ".join(warnings_of(across))
    assert "one solver" not in " ".join(warnings_of(only))


def test_of_groups_of_one_size_the_one_with_more_solvers_behind_it_is_first() -> None:
    candidates = [Candidate(answer, "So.", "How.", 0.5) for answer in ("1", "1", "2", "2")]
    solvers = ("a", "a", "a", "b")

    groups = group_answers(
        Vote(number, solver, "direct", one)
        for number, (solver, one) in enumerate(zip(solvers, candidates, strict=True), start=1)
    )

    assert [group.answer for group in groups] == ["2", "1"]
