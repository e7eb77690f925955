"""How much work a pattern is said to be, and which are not taken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from atlas_mcp.atlas.patterns import CLASS_WEIGHT, MAX_WEIGHT, Pattern, pattern_fault, weight
from atlas_mcp.system import memory


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w{250}",
        r"\p{L}{250}",
        r"\P{Lu}{250}",
        r"(\p{Greek}|a){250}",
        r"[\p{L}]{250}",
        r"[^a]{250}",
        r"(?i)\w{250}",
        r"((\pL{10}){5}){5}",
        r"\b{250}",
    ],
)
def test_a_wide_class_weighs_as_often_as_it_is_repeated(pattern: str) -> None:
    assert weight(pattern) >= 250 * CLASS_WEIGHT > MAX_WEIGHT


@pytest.mark.parametrize("pattern", [r"\x{41}", r"\u{e9}", r"\x{10FFFF}"])
def test_a_character_written_by_its_number_weighs_as_one(pattern: str) -> None:
    assert weight(pattern) == 1
    assert weight(pattern + "{300}") == 300


@pytest.mark.parametrize(
    "pattern", [r"(?x)\w{ 150 }", r"(?ix)a", r"a(?sx:b # {c}" + "\n)", r"[]a](?x-i:a)", r"(?xi-s)a"]
)
def test_a_pattern_in_which_spaces_mean_nothing_is_refused(pattern: str) -> None:
    assert pattern_fault(pattern) == "it has the flag x, which JSON Schema does not know"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\(?x\)?", "(x"),
        (r"[(?x)]", "?"),
        (r"(?P<x>a)", "a"),
        (r"(?-x)a b", "a b"),
        (r"(?i)x", "X"),
    ],
)
def test_what_looks_like_that_flag_and_is_none_is_taken(pattern: str, text: str) -> None:
    assert pattern_fault(pattern) is None
    assert Pattern(pattern).matches(text)


def test_a_pattern_that_cannot_be_used_says_so() -> None:
    assert pattern_fault("(") is not None
    with pytest.raises(ValueError, match="cannot be used"):
        Pattern("(")


def test_a_pattern_is_kept_by_nobody() -> None:
    pattern = "".join(("^a", "+$"))
    references = sys.getrefcount(pattern)

    assert pattern_fault(pattern) is None
    assert Pattern(pattern).matches("aa")
    assert weight(pattern) == 4

    assert sys.getrefcount(pattern) == references


MANY_THAT_ARE_HEAVY = r"""
from atlas_mcp.atlas.patterns import MAX_WEIGHT, Pattern, weight
from atlas_mcp.system import memory

memory.keep_large_blocks_apart()
Pattern("a")
before = memory.resident_bytes()
for times in range(150, 170):
    assert 6_000 < weight(r"\pL{%d}" % times) < MAX_WEIGHT
    assert Pattern(r"\pL{%d}" % times).matches("a" * times)
memory.give_back_memory()
assert memory.resident_bytes() < before + 40_000_000
"""
"""Twenty patterns of which each takes 7 MB and more."""


@pytest.mark.every_day(0)
@pytest.mark.skipif(memory.resident_bytes() is None, reason="the system does not say")
def test_what_heavy_patterns_take_up_is_given_back() -> None:
    # In a process of its own: this one keeps what other tests made.
    command = [sys.executable, "-c", MANY_THAT_ARE_HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
