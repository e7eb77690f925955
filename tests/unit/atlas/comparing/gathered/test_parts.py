"""Answers in parts that have labels."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key

TWO_PARTS = "Find (a) the mean and (b) the range of the data."
ANIMALS = "How many hens and pigs are there?"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("(a) 5 (b) 8", "(b) 8 (a) 5", TWO_PARTS),
        ("(a) 5, (b) 8", "a) 5\nb) 8", TWO_PARTS),
        ("(a) 1/2; (b) 8", "(a) 0.5 and (b) 8", TWO_PARTS),
        ("(a) 5 (b) 8", "mean: 5, range: 8", TWO_PARTS),
        ("The mean is 5 and the range is 8", "range 8, mean 5", TWO_PARTS),
        ("1. 5\n2. 8", "(1) 5 (2) 8", "Answer questions 1 and 2."),
        ("5, 8", "(b) 8 (a) 5", TWO_PARTS),
        ("yes and no", "(a) yes (b) no", "Is it (a) finite, (b) empty?"),
        ("(i) 5 (ii) 8", "(ii) 8; (i) 5", ""),
        ("Ada: 15, Bob: 16", "Bob: 16, Ada: 15", "How old are they?"),
        ("Part (a): 5; Part (b): 8", "(a) 5 (b) 8", TWO_PARTS),
        ("time: O(n), space: O(1)", "space O(1), time O(n)", "Give the time and space complexity."),
        ("Part a: 5, part b: 8", "(a) 5 (b) 8", TWO_PARTS),
        ("5 hens, 8 pigs", "8 pigs and 5 hens", ANIMALS),
        ("five hens and eight pigs", "8 pigs, 5 hens", ANIMALS),
        ("5 hens, 8 pigs", "hens: 5, pigs: 8", ANIMALS),
        ("1 hen and 8 pigs", "8 pigs, 1 hen", ""),
        ("Ada 5, Bob 8", "Bob: 8, Ada: 5", "How many apples has each?"),
        ("1. oak\n2. elm", "oak, elm", "Name the trees in the order of their age."),
    ],
)
def test_the_same_parts_in_any_order_have_one_key(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert text_key(one, asked) == text_key(other, asked)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("(a) 5 (b) 8", "(a) 8 (b) 5", TWO_PARTS),
        ("(a) 5", "(a) 5 (b) 8", TWO_PARTS),
        ("(a) 5", "(b) 5", TWO_PARTS),
        ("8, 5", "(a) 5 (b) 8", TWO_PARTS),
        ("5, 8, 9", "(a) 5 (b) 8", TWO_PARTS),
        ("(a) 5 (b) 8", "(1) 5 (2) 8", ""),
        ("(a) yes (b) no", "(a) no (b) yes", TWO_PARTS),
        ("mean 5, range 8", "mean 8, range 5", TWO_PARTS),
        ("5 hens, 8 pigs", "8 hens, 5 pigs", ANIMALS),
        ("5 hens, 8 pigs", "5 hens", ANIMALS),
        ("5 hens, 8 pigs", "5 hens, 8 pigs, 2 cows", ANIMALS),
        ("Ada 5, Bob 8", "Ada 8, Bob 5", "How many apples has each?"),
        ("10 meters, 20 feet", "20 feet, 10 meters", "How long are the ropes?"),
        ("1. oak\n2. elm", "1. elm\n2. oak", "Name the trees in the order of their age."),
    ],
)
def test_other_parts_stay_apart(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert text_key(one, asked) != text_key(other, asked)
