"""Numbers with units, by what they measure: `5 km`, `1 min 30 s`, `12°30'`, `25 °C`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from atlas_mcp.atlas.comparing.amounts.asked_units import (
    asked_unit,
    asks_angle,
    asks_difference,
    asks_height,
    asks_mass,
    asks_temperature,
    asks_work,
    is_asked_noun,
)
from atlas_mcp.atlas.comparing.amounts.numbers import Numeral, numeral, value_key
from atlas_mcp.atlas.comparing.amounts.numerals import western
from atlas_mcp.atlas.comparing.amounts.rounding import asked_rounding, rounded_as_written
from atlas_mcp.atlas.comparing.amounts.unit_table import Unit, dimensions_of
from atlas_mcp.atlas.comparing.amounts.units import unit
from atlas_mcp.atlas.comparing.asked import Asked

MAX_QUANTITY_CHARS = 150
"""Characters of the longest text that is read as a quantity."""

_UNIT_START = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]|[°℃℉′″])|(?<=[\d ½¼¾⅓⅔])(?:[^\W\d_]|[°℃℉])")
_PART = re.compile(r"(\d[\d,.]*(?: \d+/\d+)?) ?([^\W\d_]+|[°′″])(?:, and |, | and | |(?=\d)|$)")
_MAX_PARTS = 4
_DRESS = re.compile(r"~|\\[,;: ]")

_RADIANS = dimensions_of("rad")
_DEGREES = dimensions_of("degree")
_FAMILIES = (
    "week day h min s ms",
    "year month",
    "mi yd ft in",
    "stone lb oz",
    "km m cm mm",
    "t kg g mg",
    "L cL mL",
    "° ′ ″",
    "gal qt pt",
)
_NO_NOUN = re.compile(r"\b(?:or|to|and|of|in|by|times|plus|minus|per|percent|point|more|less)\b")
_SYMBOLIC = re.compile(r"(?:[\d.,/+*^() \-{}_]|[·√π\u00d7\u2212⁄]|\\?(?:sqrt|pi)\b)+")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a unit.

    Attributes:
        numeral: The number.
        unit: The unit.
    """

    numeral: Numeral
    unit: Unit

    def in_base_units(self, value: Fraction) -> Fraction:
        """Return a number of the unit in base units."""
        return value * self.unit.factor + self.unit.offset


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a quantity as a whole."""
    if not 1 < len(text) <= MAX_QUANTITY_CHARS:
        return None
    text = _DRESS.sub(" ", western(text)).strip()
    found = quantity(text, asked)
    if found is not None:
        return _angle_key(found, asked, part) or quantity_key(found, asked)
    return _counted(text, asked) or _symbolic(text, asked, part)


def quantity(text: str, asked: Asked) -> Quantity | None:
    """Return the quantity that a text is as a whole."""
    for number, name in _splits(text):
        named = _unit_of(name, asked)
        found = None if named is None else numeral(number, asked)
        if named is not None and found is not None:
            return Quantity(found, named)
    return _compound(text, asked)


def quantity_key(found: Quantity, asked: Asked) -> str:
    """Return the key of a quantity: a number where the question asks for one of its unit."""
    number, measured = found.numeral, found.unit
    if measured.tag and asks_work(asked.question):
        measured = Unit(measured.factor, measured.dimensions)
    wanted = asked_unit(asked.question)
    if measured.offset and asks_difference(asked.question):
        # Degrees of a difference have no zero, and those of a temperature have one.
        if wanted == measured:
            return value_key(number, asked)
        return f"degrees:{number.value}:{measured.factor}"
    if wanted is not None and wanted.kind == measured.kind and number.kind != "compound":
        if wanted == measured:
            return value_key(number, asked)
        value = (found.in_base_units(number.value) - wanted.offset) / wanted.factor
        return value_key(Numeral(value, "decimal"), asked)
    rounding = asked_rounding(asked.question)
    if rounding is not None and rounding.unit and unit(rounding.unit) != measured:
        rounding = None
    if number.kind == "compound":
        # Five hours and a second are not rounded to hours.
        rounding = None
    exact = number.kind in ("fraction", "mixed")
    value = found.in_base_units(rounded_as_written(number.value, rounding, exact=exact))
    return f"quantity:{value}:{_kind(measured)}{number.precision(asked)}"


def _angle_key(found: Quantity, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of an angle that radians may be told of too: that of its radians."""
    wanted = asked_unit(asked.question)
    if found.unit.dimensions == _RADIANS:
        return None if wanted is not None else f"angle:{part(str(found.numeral.value))}"
    if found.unit.dimensions != _DEGREES or (wanted is not None and wanted.dimensions != _RADIANS):
        return None
    if asked_rounding(asked.question) is not None:
        return None
    turn = found.numeral.value * found.unit.factor / 180
    radians = part(f"{turn.numerator}*π/{turn.denominator}" if turn else "0")
    return radians if wanted is not None or asks_angle(asked.question) else f"angle:{radians}"


def _kind(measured: Unit) -> str:
    powers = " ".join(f"{name}{power}" for name, power in measured.dimensions)
    return f"{powers}:{measured.tag}"


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to part a text into a number and what may be a unit."""
    for match in _UNIT_START.finditer(text):
        at = match.start()
        if at:
            number = text[:at].rstrip()
            # A hyphen joins a number and a unit: a 5-km walk.
            yield number.removesuffix("-") if number[-2:-1].isdecimal() else number, text[at:]


def _unit_of(name: str, asked: Asked) -> Unit | None:
    """Return the unit of a name, which may depend on what the question measures."""
    if re.fullmatch(r"pounds?", name, re.IGNORECASE):
        return unit("lb") if asks_mass(asked.question) else None
    if name in ("C", "F") and asks_temperature(asked.question):
        return unit(f"°{name}")
    return unit(name)


def _compound(text: str, asked: Asked) -> Quantity | None:
    """Return the quantity of several numbers, each with a smaller unit than the one before it."""
    sign = -1 if text[:1] in ("-", "\u2013") else 1
    text = _primes(text.lstrip("-+\u2013 "), asked)
    total, at = Fraction(0), 0
    units: list[Unit] = []
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or len(units) == _MAX_PARTS:
            return None
        number, named = numeral(match[1], asked), _unit_of(match[2], asked)
        if number is None or named is None or (units and named.factor >= units[-1].factor):
            return None
        total += number.value * named.factor
        units.append(named)
        at = match.end()
    if len(units) < 2 or not any(family.issuperset(units) for family in _families()):
        return None
    value = sign * total / units[0].factor
    return Quantity(Numeral(value, "compound", f"{value}"), units[0])


@cache
def _families() -> tuple[frozenset[Unit | None], ...]:
    """Return the units that are written one after another."""
    return tuple(frozenset(map(unit, family.split())) for family in _FAMILIES)


def _primes(text: str, asked: Asked) -> str:
    """Return a text with the signs of minutes and seconds of arc, or of feet and inches."""
    if "'" not in text and "′" not in text:
        return text
    text = text.replace("''", "″").replace('"', "″").replace("'", "′").replace("^", "")
    if "°" not in text and asks_height(asked.question):
        return text.replace("′", " ft ").replace("″", " in").replace("  ", " ").strip()
    return text


def _counted(text: str, asked: Asked) -> str | None:
    """Return the key of a number with the noun that the question counts."""
    for number, noun in _splits(text):
        if not is_asked_noun(noun, asked.question) or _NO_NOUN.search(number.casefold()):
            continue
        found = numeral(number, asked)
        if found is not None:
            return value_key(found, asked)
    return None


def _symbolic(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of an expression, such as `2√3`, with a unit."""
    for match in re.finditer(r"(?<=[\d)}√π]) | (?=[^\W\d_])", text):
        number, measured = text[: match.start()], unit(text[match.end() :])
        if measured is None or not _SYMBOLIC.fullmatch(number):
            continue
        if not re.search(r"[√π]|sqrt|pi", number):
            return None
        wanted = asked_unit(asked.question)
        if wanted == measured:
            return part(number)
        if wanted is not None and wanted.kind == measured.kind:
            return None
        if wanted is None and measured.dimensions == _RADIANS and measured.factor == 1:
            return part(number) if asks_angle(asked.question) else f"angle:{part(number)}"
        return f"measured:{measured.factor}:{_kind(measured)}:{part(number)}"
    return None
