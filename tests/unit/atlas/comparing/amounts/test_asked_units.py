"""The unit and the noun in which a question asks for a number."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts import asked_units
from atlas_mcp.atlas.comparing.amounts.units import unit


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("How many kilometres is it?", "km"),
        ("Give the length in cm.", "cm"),
        ("What is the mass (in kg)?", "kg"),
        ("Wie viele Meter sind es?", "m"),
        ("How many pieces of 20 cm are there?", None),
        ("In A, how far is it?", None),
        ("What is the length?", None),
    ],
)
def test_a_question_asks_for_one_unit(question: str, named: str | None) -> None:
    assert asked_units.asked_unit(question) == (None if named is None else unit(named))


@pytest.mark.parametrize(
    ("noun", "question", "same"),
    [
        ("sheep", "How many sheep are left?", True),
        ("people", "How many people attended?", True),
        ("marbles", "How many red marbles are in the bag?", True),
        ("goats", "How many sheep are left?", False),
        ("sheep", "Where are the sheep?", False),
    ],
)
def test_a_question_counts_a_noun(noun: str, question: str, same: bool) -> None:
    assert asked_units.is_asked_noun(noun, question) == same


def test_what_is_measured_decides_about_letters_and_words() -> None:
    assert asked_units.asks_temperature("How hot is it?")
    assert not asked_units.asks_temperature("What is the charge?")
    assert asked_units.asks_mass("How heavy is the box?")
    assert not asked_units.asks_mass("What does it cost?")
    assert asked_units.asks_work("How much energy is used?")
    assert not asked_units.asks_work("Which torque does the work need?")
    assert asked_units.asks_difference("By how much did it rise?")
    assert asked_units.asks_angle("Find the angle.")
    assert asked_units.asks_height("How tall is he?")
