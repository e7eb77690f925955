"""Quantities are compared by what they measure, and in the unit that a question asks for."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.quantities import read
from atlas_mcp.atlas.comparing.asked import Asked

KM = "How many kilometres does he walk?"
CM = "Find the length of the diagonal in cm."
SPEED = "What is its speed in m/s?"
KELVIN = "What is the boiling point in kelvins?"
SHEEP = "How many sheep does the farmer have left?"


def key(text: str, question: str) -> str | None:
    return read(text, Asked(question), lambda part: f"part:{part}")


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("", ("7 km", "7km", "7 kilometers", "7 Kilometres", "seven kilometres", "7~km", "7000 m")),
        ("", ("9.8 m/s^2", "9.8 m s^{-2}", "9.8 m·s⁻²", "9.8 metres per second squared")),
        ("", ("10 kJ/mol", "10 kJ·mol⁻¹", "10 kJ mol^-1", "10 kJ mol-1", "10 kilojoules per mole")),
        ("", ("20 N·m", "20 N m", "20 Nm", "20 newton-metres")),
        ("", ("100 Ω", "100 \u2126".replace("\u2126", "Ω"), "100 ohms", "0.1 kΩ")),
        ("", ("5 \u03bcm", "5 \u00b5m", "5 um", "5 micrometres", "5e-6 m")),
        ("", ("60 mph", "60 miles per hour", "60 miles an hour", "60 mi/h")),
        ("", ("72 km/h", "20 m/s", "72 kph")),
        ("", ("2 m^2", "20,000 cm²", "2 square metres", "2 sq m", "2 m2")),
        ("", ("3 J/(kg·K)", "3 J/kg/K", "3 J/kg·K", "3 J kg⁻¹ K⁻¹")),
        ("", ("1 N", "1 kg·m/s²", "1 kg m s^-2")),
        ("", ("150 min", "2.5 h", "2 h 30 min", "2 hours and 30 minutes", "2 1/2 hours")),
        ("", ("90 s", "1 min 30 s", "1.5 minutes")),
        ("", ("5 ft 6 in", "66 inches", "5 feet, 6 inches")),
        ("How tall is she?", ("5'6\"", "5′6″", "5 ft 6 in")),
        ("", ("12°30'", "12.5°", "12.5 degrees", "12°30′0″", "12.5 deg")),
        ("", ("25 °C", "25°C", "298.15 K", "77 °F", "25 degrees Celsius", "25℃")),
        ("", ("3 kWh", "3 kilowatt-hours", "10.8 MJ")),
        ("", ("8 bits", "1 byte", "1 B")),
        ("", ("0.1 M", "0.1 mol/L", "100 mM")),
        ("", ("24 months", "2 years")),
        ("How heavy is it?", ("5 lb", "5 pounds", "5 lbs")),
        ("What is the boiling point?", ("25 C", "25 °C", "77 F")),
        (CM, ("12 cm", "0.12 m", "120 mm", "12 centimetres")),
        (SPEED, ("36 km/h", "10 m/s")),
        (KELVIN, ("100 °C", "373.15 K")),
        (SHEEP, ("24 sheep", "24 Sheep", "twenty-four sheep")),
        ("How many red marbles are there?", ("5 marbles", "5 red marbles")),
        ("How many people came?", ("5 people", "five people")),
        ("How many more apples does he need?", ("5 more apples", "5 apples", "5 more")),
        ("How many apples are left?", ("1 apple", "one apple")),
        ("How far is it in km, to one decimal place?", ("1234 m", "1.2 km", "1.234 km")),
    ],
)
def test_what_measures_the_same_has_one_key(question: str, same: tuple[str, ...]) -> None:
    keys = {text: key(text, question) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


@pytest.mark.parametrize(
    ("question", "quantity", "number"),
    [
        (KM, "7 km", "number:7"),
        (KM, "7000 m", "number:7"),
        (CM, "12 cm", "number:12"),
        ("How long is it? Answer in metres.", "5 m", "number:5"),
        ("How many more days does it take?", "5 days", "number:5"),
        (CM, "12 mm", "number:6/5"),
        ("Give the angle in degrees.", "90°", "number:90"),
        ("How many hours does it take?", "30 minutes", "number:1/2"),
        ("What is the temperature in °C?", "25 °C", "number:25"),
        ("What is the area in square metres?", "6 m²", "number:6"),
        ("Give the density (in kg/m^3).", "5 kg/m³", "number:5"),
        ("Wie viele Meter sind es?", "5 m", "number:5"),
        (SHEEP, "24 sheep", "number:24"),
        (CM, "2√3 cm", "part:2√3"),
    ],
)
def test_a_quantity_in_the_unit_asked_for_is_a_number(
    question: str, quantity: str, number: str
) -> None:
    assert key(quantity, question) == number


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("", "5 MW", "5 mW"),
        ("", "3 S", "3 s"),
        ("", "2 Pa", "2 pA"),
        ("", "5 Mm", "5 mm"),
        ("", "5 m", "5 min"),
        ("", "5 N/m", "5 N m"),
        ("", "5 N m", "5 J"),
        ("", "5 Hz", "5 Bq"),
        ("", "5 Gy", "5 Sv"),
        ("", "5 eV", "5 V"),
        ("", "7 oz", "7 lb"),
        ("", "7 oz", "7 fl oz"),
        ("", "1 kB", "1 KiB"),
        ("", "1 MB", "1 Mb"),
        ("", "1 m^2", "100 cm^2"),
        ("", "10 kJ/mol", "10 mol/kJ"),
        ("", "1 mile", "1.6 km"),
        ("", "1 inch", "2.5 cm"),
        ("", "5 ft 6 in", "5.6 ft"),
        ("", "-5 °C", "5 °C"),
        ("", "25 °C", "25 K"),
        ("", "1 year", "365 days"),
        ("", "1 gallon", "3.785 L"),
        ("By how much does the temperature rise?", "5 °C", "278.15 K"),
        (CM, "5 kg", "5 cm"),
        ("", "2√3 cm", "2√3 m"),
        (SHEEP, "24 sheep", "24 km"),
        ("How far is it? Round to the nearest hundred metres.", "5 km", "30 km"),
        ("The sides are given in cm. Which is the shortest?", "5 cm", "5"),
        ("A rope of 5 m is cut. How many pieces of 20 cm are there?", "25 cm", "25"),
    ],
)
def test_what_measures_otherwise_stays_apart(question: str, one: str, other: str) -> None:
    assert key(one, question) != key(other, question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("", "24 sheep"),
        ("", "5 pounds"),
        ("", "5 J/kg m"),
        ("", "1 m 30 s"),
        ("", "5 M m s s^99"),
        ("", "5 dogs and cats"),
        ("", "m"),
        (SHEEP, "24 goats"),
        ("How many boys and girls came?", "24 boys"),
        (SHEEP, "24 sheep and goats"),
        ("How many hours and minutes does it take?", "three sheep"),
        ("", "9" * 140 + " (" * 5),
        ("", "5 " + "m " * 70),
    ],
)
def test_what_is_no_quantity_for_certain_is_not_read(question: str, text: str) -> None:
    assert key(text, question) is None
