"""Comparing answers is an equivalence, and grouping depends on nothing but the answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.agreement import Group, Vote, group_answers, merged_groups
from tests.support.played_runs import found
from tests.support.shown_views import JSON

Partition: TypeAlias = frozenset[frozenset[int]]
"""Which explores are in one group."""

DRESSES: tuple[str, ...] = (
    "{}",
    " {}\n",
    "**{}**",
    "`{}`",
    '"{}"',
    "${}$",
    r"\boxed{{{}}}",
    r"\text{{{}}}",
    r"\( {} \)",
    "({})",
    "[{}]",
    "{{{}}}",
    "x = {}",
    "The answer is {}.",
    "Final answer: {}",
    "{}.",
    "${}",
    "{} km",
    "{} %",
    "about {}",
    r"\frac{{{}}}{{2}}",
    "{}, {}",
    "{} and {}",
    "{}; {}",
    "{} \\cup {}",
    "{} < y",
    "1 - {}",
    "{}^{}",
)
"""How an answer may be written around, some of them with another meaning."""

CORES: tuple[str, ...] = (
    *("1", "0", "-1", "\u22121", "1/2", "0.5", ".50", "50%", "1,000", "1.000", "1e3", "10^3"),
    *("3.10", "3.1", "02134", "0x1F", "XIV", "twelve", "half", "a dozen", "\u0661\u0662", "½"),
    *("5 m", "5 min", "MW", "mW", "$5", "5 USD", "3:30 pm", "15:30", "2024-03-05", "5 March 2024"),
    *("x", "x+1", "1+x", "sqrt(2)", r"\sqrt{2}", r"\frac12", "pi", "\u03c0", "2\u03c0", "n log n"),
    *("B", "b", "(B)", "Option B", "yes", "Yes.", "no", "true", "True", "none", "no solution"),
    *("{1, 2}", "{2, 1}", "(1, 2)", "[1, 2)", "1 < x < 2", "\u221e", "H2O", "H\u2082O", "Co", "CO"),
    *("__init__", "init", "Nf3", "/usr/bin", "a=1;\n  b", "((((", "9**9**9", r"\frac{", "Paris"),
)
"""Answers of all kinds, and some that are none."""

QUESTIONS: tuple[str | None, ...] = (
    None,
    "How many?",
    "Which of these? (A) 1 (B) Paris (C) none of them",
    "Give the answer in km, as a fraction in lowest terms.",
    "What does this code print?",
    "List the solutions in increasing order, rounded to two decimals.",
    "Wie groß ist der Anteil in Prozent?",
)

SCHEMAS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"type": "string"},
    {"type": "number"},
    {"type": "string", "format": "date"},
    {"enum": ["A", "B", 1, None]},
    {"type": "array", "items": {"type": "number"}, "uniqueItems": True},
    {"type": "object", "properties": {"a": {"type": "string"}}},
)


def dressed(dress: str, core: str) -> str:
    return dress.format(core, core)


NEIGHBOURS = 4
"""Answers before each one in the list that it is compared with: the same one in another dress, and
those that look alike."""

TEXTS = st.builds(
    dressed,
    st.sampled_from(DRESSES),
    st.builds(dressed, st.sampled_from(DRESSES), st.sampled_from(CORES)),
) | st.builds(dressed, st.sampled_from(DRESSES), st.sampled_from(CORES))
RUBBISH = st.text(alphabet=r"0123456789.,-+*/^\{}()[]$%_ abxeπ=<>!:;'\"" + "\n", max_size=40)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)
ANSWERS = TEXTS | TEXTS | NUMBERS | RUBBISH | st.text(max_size=30) | JSON


def votes(answers: Sequence[Any]) -> list[Vote]:
    return [Vote(number, "s", "direct", found(one)) for number, one in enumerate(answers, start=1)]


def partition(groups: Sequence[Group]) -> Partition:
    return frozenset(frozenset(group.explore_ids) for group in groups)


def is_same(one: Any, other: Any, **asked: Any) -> bool:
    return len(group_answers(votes([one, other]), **asked)) == 1


ASKED = st.fixed_dictionaries(
    {"question": st.sampled_from(QUESTIONS), "schema": st.sampled_from(SCHEMAS)}
)


@given(ANSWERS, ASKED)
def test_an_answer_says_the_same_as_itself(answer: Any, asked: dict[str, Any]) -> None:
    assert is_same(answer, answer, **asked)


@given(st.lists(ANSWERS, min_size=3, max_size=3), ASKED)
def test_saying_the_same_goes_both_ways_and_on(answers: list[Any], asked: dict[str, Any]) -> None:
    for one, other, third in permutations(answers):
        assert is_same(one, other, **asked) == is_same(other, one, **asked)
        if is_same(one, other, **asked) and is_same(other, third, **asked):
            assert is_same(one, third, **asked)


@pytest.mark.every_day(3)
@pytest.mark.parametrize("question", QUESTIONS)
def test_all_kinds_of_answers_are_grouped_as_they_compare_in_pairs(question: str | None) -> None:
    texts = [dressed(dress, core) for core in CORES for dress in ("{}", "**{}.**", "${}$")]
    groups = group_answers(votes(texts), question=question)
    group_of = {number: group for group in groups for number in group.explore_ids}

    for other, text in enumerate(texts, start=1):
        for number in range(max(1, other - NEIGHBOURS), other):
            together = group_of[number] is group_of[other]
            assert is_same(texts[number - 1], text, question=question) == together


@given(st.lists(ANSWERS, max_size=8), ASKED, st.randoms(use_true_random=False))
def test_grouping_does_not_depend_on_the_order_of_the_candidates(
    answers: list[Any], asked: dict[str, Any], random: Any
) -> None:
    cast = votes(answers)
    shuffled = random.sample(cast, len(cast))

    assert partition(group_answers(cast, **asked)) == partition(group_answers(shuffled, **asked))


@given(st.lists(ANSWERS, max_size=6), ASKED, ASKED)
def test_a_candidate_remembers_no_key_of_another_question(
    answers: list[Any], asked: dict[str, Any], before: dict[str, Any]
) -> None:
    used = votes(answers)
    group_answers(used, **before)

    fresh = group_answers(votes(answers), **asked)
    assert partition(group_answers(used, **asked)) == partition(fresh)


SETS = st.lists(st.frozensets(st.integers(0, 12), max_size=4), max_size=5)


def grouped(answers: Sequence[Any]) -> tuple[Group, ...]:
    return group_answers(votes(answers))


FEW = st.lists(st.sampled_from(["1", "2", "3", "4", "24", "24 sheep"]), max_size=9)


@given(FEW, SETS, st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order_of_anything(
    answers: list[str], same: list[frozenset[int]], random: Any
) -> None:
    cast = votes(answers)
    groups = group_answers(cast)
    shuffled = group_answers(random.sample(cast, len(cast)))
    others = random.sample(same, len(same))

    assert partition(merged_groups(groups, same)) == partition(merged_groups(shuffled, others))


@given(FEW, SETS)
def test_merging_splits_no_group_and_merges_what_is_said_to_be_the_same(
    answers: list[str], same: list[frozenset[int]]
) -> None:
    groups = grouped(answers)
    merged = merged_groups(groups, same)

    def has(numbers: Collection[int], where: Sequence[Group]) -> bool:
        return any(set(group.explore_ids) >= set(numbers) for group in where)

    assert sorted(n for group in merged for n in group.explore_ids) == list(
        range(1, len(answers) + 1)
    )
    assert all(has(group.explore_ids, merged) for group in groups)
    for numbers in same:
        known = [number for number in numbers if 0 < number <= len(answers)]
        assert not known or has(known, merged)


@given(FEW, SETS)
def test_merging_joins_nothing_else(answers: list[str], same: list[frozenset[int]]) -> None:
    groups = grouped(answers)
    merged = merged_groups(groups, same)
    links = [set(group.explore_ids) for group in groups] + [set(numbers) for numbers in same]

    for group in merged:
        reached = {group.explore_ids[0]}
        while more := set[int]().union(*(link for link in links if link & reached)) - reached:
            reached |= more
        assert set(group.explore_ids) <= reached


@given(FEW, SETS)
def test_merging_twice_changes_nothing(answers: list[str], same: list[frozenset[int]]) -> None:
    merged = merged_groups(grouped(answers), same)

    assert merged_groups(merged, same) == merged


def answers_of(groups: Sequence[Group]) -> list[Any]:
    return [group.answer for group in groups]


def test_a_merged_group_has_the_answer_of_most_of_its_candidates_and_stands_by_its_size() -> None:
    groups = grouped(["7", "24 sheep", "7", "24", "24", "8"])
    assert answers_of(groups) == ["7", "24", "24 sheep", "8"]

    first, *others = merged_groups(groups, [{2, 4}], by="judgement")

    assert (first.answer, first.explore_ids) == ("24", (2, 4, 5))
    assert (first.by, first.by_rule) == ("judgement", 2)
    assert [group.explore_ids for group in first.merged] == [(4, 5), (2,)]
    assert answers_of(others) == ["7", "8"]
    assert {group.by for group in others} == {"rule"}
    assert first.keys == groups[1].keys | groups[2].keys


def test_groups_that_are_proved_the_same_are_one_by_rule() -> None:
    [group] = merged_groups(grouped(["(x+1)^2 - y", "x^2+2x+1 - y"]), [frozenset({1, 2})])

    assert (group.by, group.by_rule, group.merged) == ("rule", 2, ())


@pytest.mark.parametrize(
    "same", [[], [[]], [[1]], [[1, 9]], [[8, 9]], [[1, 3]]], ids=lambda same: str(same)
)
def test_sets_that_join_no_two_groups_change_nothing(same: list[list[int]]) -> None:
    groups = grouped(["1", "2", "1"])

    assert merged_groups(groups, same, by="judgement") == groups
