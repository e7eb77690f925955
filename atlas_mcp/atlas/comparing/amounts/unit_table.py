"""The units that are known: their symbols, names, factors and dimensions.

Symbols keep their case, names do not. Units of different quantities have different dimensions even
where those of physics are the same: a hertz is no becquerel. A unit of more than one size, such as
the gallon, has a dimension of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

Dimensions = tuple[tuple[str, int], ...]
"""Powers of base units, sorted by their names."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, or a product of powers of units.

    Attributes:
        factor: How many base units it is.
        dimensions: The base units.
        offset: What its zero is in base units; only of temperatures.
        tag: The quantity, where base units do not tell it: `torque`.
    """

    factor: Fraction
    dimensions: Dimensions
    offset: Fraction = Fraction(0)
    tag: str = ""

    @property
    def kind(self) -> tuple[Dimensions, str]:
        """What units have in common that convert to one another."""
        return self.dimensions, self.tag


_PREFIXES = {
    **{"f": ("femto", -15), "p": ("pico", -12), "n": ("nano", -9), "µ": ("micro", -6)},
    **{"m": ("milli", -3), "c": ("centi", -2), "d": ("deci", -1), "h": ("hecto", 2)},
    **{"k": ("kilo", 3), "M": ("mega", 6), "G": ("giga", 9), "T": ("tera", 12), "P": ("peta", 15)},
}
_SI = "pnµmkMG"

# symbols; names, of which plurals end in s; factor; dimensions; prefixes
_METRIC: tuple[tuple[str, str, str, str, str], ...] = (
    ("m", "metre meter", "1", "m", "fpnµmcdk"),
    ("g", "gram gramme", "1/1000", "kg", "pnµmcdk"),
    ("s", "second", "1", "s", "fpnµm"),
    ("A", "ampere amp", "1", "A", _SI),
    ("K", "kelvin", "1", "K", "nµmkM"),
    ("mol", "mole", "1", "mol", "pnµmk"),
    ("cd", "candela", "1", "cd", "mk"),
    ("N", "newton", "1", "kg m s-2", "nµmkMG"),
    ("J", "joule", "1", "kg m2 s-2", "fpnµmkMGTP"),
    ("W", "watt", "1", "kg m2 s-3", "pnµmkMGTP"),
    ("Pa", "pascal", "1", "kg m-1 s-2", "µmhkMGT"),
    ("C", "coulomb", "1", "A s", "pnµmk"),
    ("V", "volt", "1", "kg m2 s-3 A-1", "pnµmkMG"),
    ("Ω", "ohm", "1", "kg m2 s-3 A-2", "nµmkMGT"),
    ("S", "siemens", "1", "A2 s3 kg-1 m-2", "pnµmk"),
    ("F", "farad", "1", "A2 s4 kg-1 m-2", "fpnµm"),
    ("H", "henry", "1", "kg m2 s-2 A-2", "nµm"),
    ("T", "tesla", "1", "kg s-2 A-1", "pnµm"),
    ("Wb", "weber", "1", "kg m2 s-2 A-1", "nµm"),
    ("Hz", "hertz", "1", "cycle s-1", "nµmkMGTP"),
    ("Bq", "becquerel", "1", "decay s-1", "µmkMGTP"),
    ("Gy", "gray", "1", "absorbed", "nµmk"),
    ("Sv", "sievert", "1", "equivalent", "nµmk"),
    ("lm", "lumen", "1", "lumen", "mk"),
    ("lx", "lux", "1", "lumen m-2", "mk"),
    ("kat", "katal", "1", "kat", "nµm"),
    ("L l ℓ", "litre liter", "1/1000", "m3", "nµmcdh"),
    ("bar", "bar", "100000", "kg m-1 s-2", "µmk"),
    ("eV", "electronvolt", "1.602176634e-19", "kg m2 s-2", "mkMGTP"),
    ("cal", "calorie", "4.184", "kg m2 s-2", "k"),
    ("Wh", "watthour", "3600", "kg m2 s-2", "mkMGTP"),
    ("M", "molar", "1000", "mol m-3", "nµm"),
    ("bit", "bit", "1", "bit", "kMGT"),
    ("B", "byte", "8", "bit", "kMGTP"),
    ("t", "tonne", "1000", "kg", "MG"),
    ("pc", "parsec", "1", "parsec", "kMG"),
    ("rad", "radian", "1", "rad", "nµm"),
    ("VA", "voltampere", "1", "apparent", "kM"),
)

# symbols; names, with their plurals; factor; dimensions
_OTHERS: tuple[tuple[str, str, str, str], ...] = (
    ("min", "minute minutes min mins", "60", "s"),
    ("h", "hour hours hr hrs stunde stunden heure heures hora horas", "3600", "s"),
    ("", "sec secs sekunde sekunden segundo segundos seconde secondes", "1", "s"),
    ("", "minuten minuto minutos", "60", "s"),
    ("d", "day days tag tage tagen jour jours día días", "86400", "s"),
    ("wk", "week weeks wks woche wochen semaine semaines semana semanas", "604800", "s"),
    ("", "fortnight fortnights", "1209600", "s"),
    ("", "month months monat monate mois", "1", "month"),
    ("yr", "year years yrs jahr jahre jahren année années año años", "12", "month"),
    ("", "decade decades", "120", "month"),
    ("in", "inch inches", "0.0254", "m"),
    ("ft", "foot feet", "0.3048", "m"),
    ("yd", "yard yards yds", "0.9144", "m"),
    ("mi", "mile miles", "1609.344", "m"),
    ("nmi NM", "nautical_mile nautical_miles", "1852", "m"),
    ("kn", "knot knots", "463/900", "m s-1"),
    ("mph", "mph", "0.44704", "m s-1"),
    ("kph kmh", "kph kmh", "5/18", "m s-1"),
    ("Å", "angstrom angstroms ångström", "1e-10", "m"),
    ("ly", "light_year light_years lightyear lightyears", "9460730472580800", "m"),
    ("AU au", "astronomical_unit astronomical_units", "149597870700", "m"),
    ("", "micron microns", "1e-6", "m"),
    ("ha", "hectare hectares", "10000", "m2"),
    ("", "acre acres", "4046.8564224", "m2"),
    ("cc", "cc", "1e-6", "m3"),
    ("gal", "gallon gallons", "1", "gallon"),
    ("qt", "quart quarts", "1/4", "gallon"),
    ("pt", "pint pints", "1/8", "gallon"),
    ("", "cup cups", "1", "cup"),
    ("fl_oz", "fluid_ounce fluid_ounces fl_oz", "1", "fluidounce"),
    ("tbsp", "tablespoon tablespoons tbsp", "1", "tablespoon"),
    ("tsp", "teaspoon teaspoons tsp", "1", "teaspoon"),
    ("lb lbs", "lb lbs", "0.45359237", "kg"),
    ("oz", "ounce ounces oz", "0.028349523125", "kg"),
    ("", "stone stones", "6.35029318", "kg"),
    ("", "ton tons", "1", "ton"),
    ("", "metric_ton metric_tons metric_tonne metric_tonnes", "1000", "kg"),
    ("lbf", "pound_force", "4.4482216152605", "kg m s-2"),
    ("dyn", "dyne dynes", "1e-5", "kg m s-2"),
    ("erg", "erg ergs", "1e-7", "kg m2 s-2"),
    ("psi", "psi pounds_per_square_inch", "8896443230521/1290320000", "kg m-1 s-2"),
    ("atm", "atmosphere atmospheres", "101325", "kg m-1 s-2"),
    ("Torr torr", "torr", "20265/152", "kg m-1 s-2"),
    ("mmHg", "mmhg", "1", "mmHg"),
    ("hp", "horsepower", "1", "horsepower"),
    ("BTU Btu", "btu", "1", "BTU"),
    ("u Da", "dalton daltons atomic_mass_unit atomic_mass_units", "1", "dalton"),
    ("° deg", "degree degrees deg degré degrés grado grados", "1", "degree"),
    ("′", "arcminute arcminutes arcmin", "1/60", "degree"),
    ("″", "arcsecond arcseconds arcsec", "1/3600", "degree"),
    ("sr", "steradian steradians", "1", "sr"),
    ("rev", "revolution revolutions rotation rotations", "1", "turn"),
    ("rpm", "rpm revolutions_per_minute", "1/60", "turn s-1"),
    ("dB", "decibel decibels", "1", "decibel"),
    ("ppm", "ppm parts_per_million", "1", "ppm"),
    ("ppb", "ppb parts_per_billion", "1", "ppb"),
    ("KiB", "kibibyte kibibytes", "8192", "bit"),
    ("MiB", "mebibyte mebibytes", "8388608", "bit"),
    ("GiB", "gibibyte gibibytes", "8589934592", "bit"),
    ("TiB", "tebibyte tebibytes", "8796093022208", "bit"),
    ("bps", "bps", "1", "bit s-1"),
    ("kbps", "kbps", "1e3", "bit s-1"),
    ("Mbps", "", "1e6", "bit s-1"),
    ("Gbps", "", "1e9", "bit s-1"),
    ("kb", "", "1e3", "bit"),
    ("Mb", "", "1e6", "bit"),
    ("Gb", "", "1e9", "bit"),
    ("Nm", "", "1", "kg m2 s-2 torque"),
    ("kNm", "", "1000", "kg m2 s-2 torque"),
    ("", "henries", "1", "kg m2 s-2 A-2"),
    # No other unit is written with these, and many write them so.
    ("KG Kg", "", "1", "kg"),
    ("KM Km", "kilometer kilometern", "1000", "m"),
    ("HZ", "", "1", "cycle s-1"),
    ("KHz", "", "1000", "cycle s-1"),
    ("KW", "", "1000", "kg m2 s-3"),
    ("KWh KWH kwh", "", "3600000", "kg m2 s-2"),
    ("", "kms", "1000", "m"),
    ("", "cms", "0.01", "m"),
    ("", "kgs", "1", "kg"),
    ("mcg", "", "1e-9", "kg"),
    ("kmph", "", "5/18", "m s-1"),
    ("", "kilowatthour kilowatthours", "3600000", "kg m2 s-2"),
    ("", "metern mètre mètres metro metros", "1", "m"),
    ("", "zentimeter zentimetern centimètre centimètres centímetro centímetros", "0.01", "m"),
    ("", "kilomètre kilomètres kilómetro kilómetros", "1000", "m"),
    ("", "gramm", "0.001", "kg"),
    ("", "kilogramm kilo kilos", "1", "kg"),
)

TEMPERATURES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("°C", "℃", "degC", "ºC", "° C"), ("1", "273.15")),
    **dict.fromkeys(
        ("celsius", "degrees celsius", "degree celsius", "degrees c", "deg c", "grad celsius"),
        ("1", "273.15"),
    ),
    **dict.fromkeys(("degrees centigrade", "centigrade", "° celsius", "°celsius"), ("1", "273.15")),
    **dict.fromkeys(("°F", "℉", "degF", "ºF", "° F"), ("5/9", "45967/180")),
    **dict.fromkeys(
        ("fahrenheit", "degrees fahrenheit", "degree fahrenheit", "degrees f", "deg f"),
        ("5/9", "45967/180"),
    ),
    **dict.fromkeys(("° fahrenheit", "°fahrenheit", "grad fahrenheit"), ("5/9", "45967/180")),
    **dict.fromkeys(("degrees kelvin", "°K"), ("1", "0")),
}
"""Spellings of the units of temperature: their factor, and their zero in kelvins."""


def dimensions_of(text: str) -> Dimensions:
    """Return the dimensions that a text writes: `kg m2 s-2`."""
    found: list[tuple[str, int]] = []
    for word in text.split():
        name = word.rstrip("-0123456789")
        found.append((name, int(word[len(name) :] or "1")))
    return tuple(sorted(found))


@cache
def symbols() -> Mapping[str, Unit]:
    """Return the units by their symbols."""
    found: dict[str, Unit] = {}
    for written, _, factor, dimensions in _OTHERS:
        for symbol in written.split():
            found[symbol.replace("_", " ")] = _unit(factor, dimensions)
    for written, _, factor, dimensions, prefixes in _METRIC:
        for symbol in written.split():
            found[symbol] = _unit(factor, dimensions)
            for prefix in prefixes:
                unit = _unit(factor, dimensions, _PREFIXES[prefix][1])
                found.setdefault(prefix + symbol, unit)
                if prefix == "µ":
                    found.setdefault("μ" + symbol, unit)
                    found.setdefault("u" + symbol, unit)
    return found


@cache
def names() -> Mapping[str, Unit]:
    """Return the units by their names, in small letters."""
    found: dict[str, Unit] = {}
    for _, written, factor, dimensions in _OTHERS:
        for name in written.split():
            found[name.replace("_", " ")] = _unit(factor, dimensions)
    for _, written, factor, dimensions, prefixes in _METRIC:
        for name in written.split():
            for prefix, power in [("", 0), *(_PREFIXES[prefix] for prefix in prefixes)]:
                unit = _unit(factor, dimensions, power)
                found.setdefault(prefix + name, unit)
                if not name.endswith(("s", "z", "x")):
                    found.setdefault(f"{prefix}{name}s", unit)
    return found


def _unit(factor: str, dimensions: str, power: int = 0) -> Unit:
    value = Fraction(factor) * Fraction(10) ** power
    if dimensions.endswith(" torque"):
        return Unit(value, dimensions_of(dimensions.removesuffix(" torque")), tag="torque")
    return Unit(value, dimensions_of(dimensions))
