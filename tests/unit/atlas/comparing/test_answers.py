"""The key of an answer: text, or a value."""

from __future__ import annotations

import math
from typing import Any

import pytest

from atlas_mcp.atlas.comparing import answers
from atlas_mcp.atlas.comparing.answers import LONG_CHARS, LONG_VALUES, answer_key, is_long
from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked


@pytest.mark.parametrize(
    ("answer", "long"),
    [
        ("x" * LONG_CHARS, False),
        ("x" * (LONG_CHARS + 1), True),
        ([0] * (LONG_VALUES - 1), False),
        ([0] * (LONG_VALUES), True),
        ({"x" * LONG_CHARS: "y"}, True),
    ],
)
def test_a_long_answer_is_compared_as_it_is_written(answer: Any, *, long: bool) -> None:
    assert is_long(answer) is long


def test_what_was_asked_decides_nothing_about_a_long_answer() -> None:
    long = "The answer is 5. " * LONG_CHARS

    assert answer_key(long, Asked("What is it?")) == answer_key(f" {long}", NOTHING_ASKED)
    assert answer_key(long, NOTHING_ASKED) != answer_key(long.lower(), NOTHING_ASKED)


def test_the_text_of_a_number_is_no_truth_value() -> None:
    found = [answer_key(one, NOTHING_ASKED) for one in (True, None, 1, "true")]

    assert len(set(found)) == len(found)


def test_a_number_that_json_cannot_hold_equals_only_itself() -> None:
    large = 10**400

    assert answer_key(large, NOTHING_ASKED) != answer_key(large + 1, NOTHING_ASKED)
    assert answer_key(math.inf, NOTHING_ASKED) != answer_key(-math.inf, NOTHING_ASKED)


@pytest.mark.parametrize("error", [RecursionError, ValueError, KeyError, ZeroDivisionError])
def test_an_answer_that_a_reader_stumbles_over_equals_what_is_written_alike(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(text: str, asked: Asked) -> str:
        raise error(f"{text} {asked}")

    monkeypatch.setattr(answers, "text_key", stumbles)

    assert answer_key("5", NOTHING_ASKED) == answer_key("5 ", NOTHING_ASKED)
    assert answer_key("5", NOTHING_ASKED) != answer_key("6", NOTHING_ASKED)
