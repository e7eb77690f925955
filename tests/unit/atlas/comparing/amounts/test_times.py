"""Times of the day have one key, and half a day or a zone keeps them apart."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.times import read
from atlas_mcp.atlas.comparing.asked import Asked


@pytest.mark.parametrize(
    "same",
    [
        ("3:15 pm", "15:15", "3:15 PM", "3:15 p.m.", "3.15 pm", "15:15:00", "15h15", "at 3:15pm"),
        ("3 pm", "15:00", "3pm", "15 Uhr", "3 in the afternoon", "15:00 hours"),
        ("12:00 am", "00:00", "midnight", "12 am", "12 midnight"),
        ("12:00 pm", "12:00", "noon", "12 noon", "12 pm"),
        ("12:30 am", "00:30"),
        ("10:00Z", "10:00 UTC", "10:00 GMT", "12:00+02:00", "5:00 EST", "10:00+00:00"),
        ("half past two", "2:30", "half past 2", "halb drei"),
        ("quarter to five", "4:45", "a quarter to 5"),
        ("3 o'clock", "3:00", "three o'clock"),
    ],
)
def test_the_same_time_has_one_key(same: tuple[str, ...]) -> None:
    keys = {text: read(text, Asked()) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2:30 pm", "2:30 am"),
        ("12:00 am", "12:00 pm"),
        ("2:30", "14:30"),
        ("10:00 UTC", "10:00 EST"),
        ("10:00 UTC", "10:00"),
        ("10:00 IST", "10:00 CST"),
        ("10:15", "10:51"),
        ("23:00 EST", "04:00 UTC"),
    ],
)
def test_other_times_stay_apart(one: str, other: str) -> None:
    keys = [read(text, Asked()) for text in (one, other)]
    assert None not in keys
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("", "25:00"),
        ("", "13 pm"),
        ("", "10:60"),
        ("", "2.30"),
        ("", "2 h"),
        ("", "14"),
        ("", "half to two"),
        ("", "10:00 in the pool"),
        ("What is the ratio of boys to girls?", "10:15"),
        ("What is the length of the bond?", "6 pm"),
    ],
)
def test_what_is_no_time_for_certain_is_not_read(question: str, text: str) -> None:
    assert read(text, Asked(question)) is None


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("When does the train leave?", True),
        ("Give the time in 24-hour format.", False),
        ("Give the time on a 12-hour clock.", False),
        ("What is it in military time?", False),
        ("Over a 24-hour period, when is it warmest?", True),
    ],
)
def test_the_hours_that_a_question_asks_for_are_a_form(question: str, same: bool) -> None:
    keys = {read(text, Asked(question)) for text in ("2:30 pm", "14:30")}

    assert (len(keys) == 1) == same
