"""The table of units agrees with another library's, and spells no unit twice."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from atlas_mcp.atlas.comparing.amounts.unit_table import Unit, names, symbols
from atlas_mcp.atlas.comparing.amounts.units import unit

OWN = frozenset(
    {
        *("gallon", "cup", "fluidounce", "tablespoon", "teaspoon", "ton", "mmHg", "horsepower"),
        *("BTU", "dalton", "parsec", "month", "decibel", "ppm", "ppb", "absorbed", "equivalent"),
        *("apparent", "lumen"),
    }
)
"""Dimensions of units that have more than one size, or that no other unit converts to."""

FOREIGN = (
    "stunde stunden heure heures hora horas sekunde sekunden segundo segundos seconde secondes"
    " minuten minuto minutos tag tage tagen jour jours día días woche wochen semaine semaines"
    " semana semanas monat monate mois meses jahr jahre jahren année années año años degré degrés"
    " grado grados gramm kilogramm kilo kilos metern mètre mètres metro metros kilometern"
    " zentimeter zentimetern centimètre centimètres centímetro centímetros kilomètre kilomètres"
    " kilómetro kilómetros"
)

OTHERWISE = {
    **{"KG": "kg", "Kg": "kg", "KM": "km", "Km": "km", "KHz": "kHz", "KW": "kW", "KWh": "kWh"},
    **{"KWH": "kWh", "kwh": "kWh", "kph": "km/h", "kmh": "km/h", "NM": "nautical_mile"},
    **{"nmi": "nautical_mile", "kn": "knot", "AU": "astronomical_unit", "au": "astronomical_unit"},
    **{
        "Nm": "N*m",
        "kNm": "kN*m",
        "rev": "turn",
        "°": "degree",
        "′": "arcminute",
        "″": "arcsecond",
    },
    **{"bps": "bit/s", "kbps": "kbit/s", "Mbps": "Mbit/s", "Gbps": "Gbit/s", "kb": "kbit"},
    **{
        "Mb": "Mbit",
        "Gb": "Gbit",
        "d": "day",
        "wk": "week",
        "yr": "year",
        "lbs": "lb",
        "in": "inch",
    },
    **{
        "henries": "henry",
        "HZ": "Hz",
        "mcd": "millicandela",
        "in": "inch",
        "″": "arcsecond",
        "Torr": "torr",
    },
    **{"gramme": "gram", "grammes": "gram", "arcmin": "arcminute", "arcsec": "arcsecond"},
    **{"kms": "km", "cms": "cm", "kgs": "kg", "mcg": "microgram", "kmph": "km/h"},
    **{"HZ": "Hz"},
    **{"wks": "week", "yrs": "year", "hrs": "hour", "mins": "minute", "min": "minute"},
    **{"secs": "second", "sec": "second", "yds": "yard", "ångström": "angstrom", "C": "coulomb"},
    **{"lightyear": "light_year", "lightyears": "light_year", "light years": "light_year"},
    **{"watthour": "Wh", "watthours": "Wh", "hr": "hour", "h": "hour", "pound force": "lbf"},
    **{"rotation": "turn", "rotations": "turn", "amp": "ampere", "amps": "ampere", "cc": "cm^3"},
    **{"pounds per square inch": "psi", "revolutions per minute": "rpm", "ly": "light_year"},
    **{"kilowatthour": "kWh", "kilowatthours": "kWh", "Da": "dalton", "deg": "degree"},
    **{"mi": "mile", "metric tonne": "metric_ton", "metric tonnes": "metric_ton", "Å": "angstrom"},
}


def known() -> list[tuple[str, Unit]]:
    tables: tuple[Mapping[str, Unit], ...] = (symbols(), names())
    foreign = set(FOREIGN.split())
    return [
        (name, found)
        for table in tables
        for name, found in table.items()
        # The acre there is that of an older survey.
        if name not in foreign | {"acre", "acres"}
        and not OWN & {power for power, _ in found.dimensions}
    ]


@pytest.fixture(scope="module")
def registry() -> Any:
    # Imported here: the everyday suite does not need it.
    import pint

    registry: Any = pint.UnitRegistry
    return registry(non_int_type=Fraction)


@pytest.mark.slow
def test_the_factor_of_every_unit_is_that_of_another_library(registry: Any) -> None:
    scales: dict[tuple[tuple[str, int], ...], set[Fraction]] = {}
    for name, found in known():
        written = OTHERWISE.get(name, name.replace(" ", "_").replace("μ", "µ").replace("ℓ", "l"))
        written = written.replace("gramme", "gram")
        theirs = registry.Quantity(Fraction(1), registry.Unit(written)).to_base_units()
        ratio = Fraction(theirs.magnitude) / found.factor
        # Angles, turns and bits have another base unit there; it is one for all of a dimension.
        ratio = ratio.limit_denominator(10**12) if "degree" in dict(found.dimensions) else ratio
        scales.setdefault(found.dimensions, set()).add(ratio)
    assert {d: r for d, r in scales.items() if len(r) > 1} == {}


@pytest.mark.slow
def test_the_base_units_are_those_of_the_international_system(registry: Any) -> None:
    names_of_base_units = "m kg s A K mol cd N J W Pa C V Ω S F H T Wb L bar atm ft lb oz mi mph"
    for name in names_of_base_units.split():
        found = unit(name)
        assert found is not None
        theirs = registry.Quantity(Fraction(1), registry.Unit(name)).to_base_units()
        assert Fraction(theirs.magnitude) == found.factor, name


@pytest.mark.parametrize(
    "text",
    ["", "sheep", "m/", "/s/", "m^99", "^2", "m^2 squared", "()", "(" * 59, "m" * 61],
)
def test_what_is_no_unit_for_certain_is_none(text: str) -> None:
    assert unit(text) is None
