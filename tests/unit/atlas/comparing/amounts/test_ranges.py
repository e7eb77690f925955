"""Ranges are compared by their ends; a minus between two numbers is none."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.ranges import read
from atlas_mcp.atlas.comparing.asked import Asked

DAYS = "How many days does it take?"
WAR = "When was the war?"


def key(text: str, question: str) -> str | None:
    return read(text, Asked(question), lambda part: f"part:{part}")


@pytest.mark.parametrize(
    ("question", "same"),
    [
        (DAYS, ("between 5 and 10", "5-10", "5\u201310", "5 to 10", "from 5 to 10", "5 - 10")),
        (DAYS, ("5-10 days", "5-10", "5 to 10 days", "five to ten", "between five and ten days")),
        ("", ("10\u201320 km", "10 km to 20 km", "10-20 km", "10 to 20 km", "10 km \u2013 20 km")),
        ("", ("$10\u2013$20", "$10 to $20", "$10\u201320", "between $10 and $20", "$10-20")),
        ("", ("10\u201320%", "10% to 20%", "10 to 20 percent")),
        ("", ("1914\u20131918", "1914-1918", "1914 to 1918", "from 1914 to 1918")),
        (WAR, ("1939-45", "1939\u20131945", "1939-1945")),
        ("Wie viele Tage dauert es?", ("5 bis 10", "5-10", "zwischen 5 und 10")),
        ("Combien de jours faut-il ?", ("3 à 5", "3-5", "de 3 à 5", "entre 3 et 5")),
        ("In which season was it?", ("2019/20", "2019-20", "2019/2020", "2019\u201320")),
        ("What was the final score?", ("3:0", "3-0", "3 to 0")),
        ("When is it open?", ("9 am to 5 pm", "from 9 am to 5 pm")),
    ],
)
def test_the_same_range_has_one_key(question: str, same: tuple[str, ...]) -> None:
    keys = {text: key(text, question) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("", "5-10"),
        (DAYS, "10-5"),
        (DAYS, "5"),
        (DAYS, "-5"),
        ("What is 10-15?", "10-15"),
        ("How many is 10 - 15?", "10-15"),
        ("", "between A and B"),
        ("", "from here to there"),
        ("", "1918-1914"),
        ("", "x-10"),
        ("What is the telephone number?", "555-1234"),
        ("", "5 km to 5 km"),
        ("", "1999/2005"),
    ],
)
def test_what_is_no_range_for_certain_is_not_read(question: str, text: str) -> None:
    assert key(text, question) is None


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (DAYS, "5-10", "5-11"),
        ("", "10\u201320 km", "10\u201320 m"),
        ("", "1914\u20131918", "1939\u20131945"),
        ("What was the final score?", "3-0", "0-3"),
    ],
)
def test_other_ranges_stay_apart(question: str, one: str, other: str) -> None:
    assert key(one, question) != key(other, question)
