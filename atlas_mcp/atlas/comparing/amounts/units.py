"""Units and products of units as they are written: `km/h`, `kJ·mol⁻¹`, `metres per second`."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts.unit_table import (
    TEMPERATURES,
    Dimensions,
    Unit,
    dimensions_of,
    names,
    symbols,
)

MAX_UNIT_CHARS = 60
"""Characters of the longest text that is read as a unit."""

_MAX_POWER = 6
_ENERGY = dimensions_of("kg m2 s-2")
_FORCE = dimensions_of("kg m s-2")
_LENGTH = dimensions_of("m")
_KELVIN = dimensions_of("K")

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}")
_TOKEN = re.compile(
    r" ?(?:(?P<power>\^ ?(?:\{ ?[-+]?\d{1,2} ?\}|\( ?[-+]?\d{1,2} ?\)|[-+]?\d{1,2}))"
    r"|(?P<times>[*·⋅•∙\u00d7])|(?P<over>/|per\b|an?\b)|(?P<open>\()|(?P<close>\))"
    r"|(?P<word>[^\W\d_]+|°[CFK]?\b|[°℃℉′″]))(?P<digit>[23](?![\d^]))?"
)
_LONGEST_NAME = 3


@lru_cache(maxsize=1024)
def unit(text: str) -> Unit | None:
    """Return the unit that a text names as a whole."""
    text = text.strip().replace("º", "°")
    if not text or len(text) > MAX_UNIT_CHARS:
        return None
    temperature = TEMPERATURES.get(text) or TEMPERATURES.get(text.casefold())
    if temperature is not None:
        factor, offset = map(Fraction, temperature)
        return Unit(factor, _KELVIN, offset)
    tokens = _tokens(text)
    return None if tokens is None else _Reading(tokens).product()


def _tokens(text: str) -> list[tuple[str, str]] | None:
    text = _RAISED.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
    # Chemists write kJ mol-1.
    text = re.sub(r"(?<=[A-Za-zΩ])-([1-4])(?!\d)", r"^-\1", text)
    # Hyphens join words: a newton-metre.
    text = re.sub(r"(?<=[a-z]{3})-(?=[a-z]{3})", " ", text)
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            return None
        kind = match.lastgroup if match.lastgroup != "digit" else "word"
        if match["digit"] and (not match["word"] or _symbol(match["word"]) is None):
            return None
        found.append((kind or "", match[kind or 0]))
        if match["digit"]:
            found.append(("power", match["digit"]))
        at = match.end()
    return found


def _symbol(word: str) -> Unit | None:
    """Return the unit of length whose symbol takes a figure for its power: `cm2`."""
    found = symbols().get(word)
    return found if found is not None and found.dimensions == _LENGTH else None


class _Reading:
    """A product of powers of units, read from its parts.

    Args:
        tokens: The kinds and texts of the parts.
    """

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._factors: list[tuple[Unit, int]] = []

    def product(self) -> Unit | None:
        """Return the product; `None` where it is none, or may be two."""
        if not self._factors_until(1, "end"):
            return None
        value, powers = Fraction(1), dict[str, int]()
        tags: set[str] = set()
        for part, power in self._factors:
            if abs(power) > _MAX_POWER or (part.offset and len(self._factors) == 1):
                return None
            value *= part.factor**power
            tags.add(part.tag)
            for name, exponent in part.dimensions:
                powers[name] = powers.get(name, 0) + exponent * power
        dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
        tag = self._tag(dimensions, tags - {""})
        return None if not dimensions or tag is None else Unit(value, dimensions, tag=tag)

    def _tag(self, dimensions: Dimensions, tags: set[str]) -> str | None:
        if tags:
            return tags.pop() if len(self._factors) == 1 else None
        units = [(part.dimensions, power) for part, power in self._factors]
        if dimensions == _ENERGY and (_FORCE, 1) in units and (_LENGTH, 1) in units:
            return "torque"
        return ""

    def _factors_until(self, sign: int, end: str) -> bool:
        """Read factors up to a bracket or the end, and return whether they are some."""
        divided, waiting, first = False, 1, True
        while self._next() != end:
            kind = self._next()
            if kind == "over":
                self._at += 1
                divided, waiting = True, -1
            elif kind == "times" and not first:
                self._at += 1
            if divided and waiting == 1:
                # What stands behind a quotient may belong above or below the line; only that of
                # J/mol·K is always below.
                part = named(self._text())
                if part is None or part.dimensions != _KELVIN:
                    return False
                waiting = -1
            if not self._one(sign * waiting):
                return False
            waiting, first = 1, False
        self._at += 1
        return not first

    def _one(self, sign: int) -> bool:
        if self._next() == "open":
            self._at += 1
            before = len(self._factors)
            if not self._factors_until(sign, "close"):
                return False
            return len(self._factors) > before and self._next() != "power"
        power = self._power_before()
        part = self._word()
        if part is None:
            return False
        after = self._power_after()
        if power != 1 and after != 1:
            return False
        self._factors.append((part, sign * power * after))
        return True

    def _power_before(self) -> int:
        word = self._text().casefold()
        power = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}.get(word, 1)
        self._at += power != 1
        return power

    def _power_after(self) -> int:
        kind, text = self._next(), self._text()
        if kind == "power":
            self._at += 1
            return int(text.strip("^{}() "))
        power = {"squared": 2, "cubed": 3}.get(text.casefold(), 1)
        self._at += power != 1
        return power

    def _word(self) -> Unit | None:
        for count in range(_LONGEST_NAME, 0, -1):
            words = self._tokens[self._at : self._at + count]
            if len(words) < count or any(kind != "word" for kind, _ in words):
                continue
            found = named(" ".join(text for _, text in words))
            if found is not None:
                self._at += count
                return found
        return None

    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _text(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""


def named(name: str) -> Unit | None:
    """Return the unit with a symbol or a name."""
    found = symbols().get(name) or names().get(name.casefold())
    if found is None and name in ("°C", "℃"):
        # In a product a degree is a difference: joules per kilogram and degree.
        return Unit(Fraction(1), _KELVIN)
    return found
