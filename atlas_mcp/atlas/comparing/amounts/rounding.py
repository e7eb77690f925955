"""The rounding that a question asks for, and values rounded so: a half goes away from zero."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

MAX_PLACES = 30
"""Decimal places, or significant figures, of the finest rounding that is read."""


def _words(text: str) -> list[str]:
    return text.split()


_COUNTS = {
    **{word: n for n, word in enumerate(_words("zero one two three four five six seven eight"))},
    **{word: n for n, word in enumerate(_words("null eine zwei drei vier fünf sechs sieben"))},
    **{"einer": 1, "einem": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4},
}
_COUNT = rf"(?P<count>\d{{1,2}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"

_PLACES = re.compile(
    rf"\b{_COUNT}[ -](?:d\.p\.|dp\b|decimals?(?: places?| digits?| points?)?\b"
    r"|digits? after the decimal|places? after the decimal|places? of decimals?"
    r"|nachkommastellen?\b|dezimalstellen?\b|kommastellen?\b|stellen? (?:nach|hinter) dem komma"
    r"|décimales?\b|chiffres? après la virgule)"
)
_FIGURES = re.compile(
    rf"\b{_COUNT}[ -](?:significant (?:figures?|digits?)|sig\.? ?figs?\b|s\.f\.|sf\b"
    r"|signifikanten? (?:stellen?|ziffern?)|chiffres? significatifs?)"
)
_STEPS = {
    **dict.fromkeys(("integer", "whole number", "unit", "one", "whole"), Fraction(1)),
    **{"ten": Fraction(10), "hundred": Fraction(100), "thousand": Fraction(1000)},
    **{"million": Fraction(10**6), "billion": Fraction(10**9)},
    **{"tenth": Fraction(1, 10), "hundredth": Fraction(1, 100), "thousandth": Fraction(1, 1000)},
    **dict.fromkeys(("cent", "penny"), Fraction(1, 100)),
    **dict.fromkeys(("dollar", "euro", "percent", "percentage point"), Fraction(1)),
}
_NEAREST = re.compile(
    r"\bnearest (?P<step>[a-z]+(?: number| point)?|10{0,6}|0\.0{0,6}[15])"
    r"(?![\w.]*\d|[\w-]| (?:thousand|million|point|number))"
)
_UNITS = frozenset(
    _words(
        "metre meter centimetre centimeter millimetre millimeter kilometre kilometer km cm mm m"
        " mile yard foot inch second minute hour day week year gram kilogram kg g tonne pound"
        " ounce litre liter millilitre milliliter degree newton joule watt volt kelvin mph"
    )
)

_WHOLE = re.compile(
    r"\bround(?:ed)? (?:it |the answer |your answer )?to (?:an?|the) (?:integer|whole number)\b"
    r"|\bauf (?:eine )?ganze (?:zahl(?:en)?|euro|prozent)\b.{0,20}(?:rund|gerundet)"
    r"|\brunde\w*.{0,40}\bauf (?:eine )?ganze zahl(?:en)?\b|\barrondi\w*.{0,30}à l'unité"
)
_ASKS = re.compile(
    r"\bround|\bcorrect to\b|\bto \w+[ -](?:d\.p|dp\b|decimal|significant|sig|s\.f|sf\b)"
    r"|\bnearest\b|rund(?:e|en|et)\b|\barrond|\bwith \w+ decimal|\bgive \w+ (?:decimal|significant)"
    r"|\bauf \w+ (?:nachkomma|dezimal|komma|stelle|signifikant)"
)
_ELSEWHERE = (
    (re.compile(r"\barrond\w*.{0,40}\bau dixième|до десятых|保留[一1]位小数"), Fraction(1, 10)),
    (re.compile(r"\barrond\w*.{0,40}\bau centième|до сотых|保留[两二2]位小数"), Fraction(1, 100)),
    (re.compile(r"\barrond\w*.{0,40}\bau millième|до тысячных"), Fraction(1, 1000)),
    (re.compile(r"auf (?:ein )?zehntel"), Fraction(1, 10)),
    (re.compile(r"auf (?:ein )?hundertstel"), Fraction(1, 100)),
)
_NOT = re.compile(
    r"\b(?:is|are|was|were|been|being|when|if)(?: it| this)? rounded\b|\brounds\b"
    r"|\brounded to .{0,40}\b(?:is|are|gives|equals)\b|\bnearest (?:ten|hundred|thousand|\d+)"
    r" (?:[a-z]*(?:met|lit)(?:re|er)s?|[a-z]*grams?|cents|minutes|seconds|hours|miles|[cmk]?m|k?g)"
    r"\b"
    r"|\b(?:do not|don't|without|never|no) round|\bnicht (?:rund|gerundet)|\bohne (?:zu )?rund"
    r"|\bround(?:ed|ing)? (?:up|down|towards?)\b|\btruncat|\bexact|\bauf-?runden|\babrunden"
    r"|\baufgerundet|\babgerundet"
)


@dataclass(frozen=True, slots=True)
class Rounding:
    """The rounding that a question asks for: to a multiple, or to significant figures.

    Attributes:
        step: The multiple: a hundredth where two decimal places are asked for; `None` for figures.
        figures: The significant figures; `None` where there is a step.
        unit: The unit in which the step is, where it is named: the nearest `metre`.
    """

    step: Fraction | None = None
    figures: int | None = None
    unit: str = ""


@lru_cache(maxsize=64)
def asked_rounding(question: str) -> Rounding | None:
    """Return the one rounding that a question asks for; `None` where it asks for none or two."""
    text = " ".join(question.casefold().split())
    if _NOT.search(text):
        return None
    found = {Rounding(step=step) for rule, step in _ELSEWHERE if rule.search(text)}
    if not _ASKS.search(text):
        return found.pop() if len(found) == 1 else None
    for match in _PLACES.finditer(text):
        found.add(Rounding(step=Fraction(1, 10 ** _count(match["count"]))))
    for match in _FIGURES.finditer(text):
        found.add(Rounding(figures=max(_count(match["count"]), 1)))
    for match in _NEAREST.finditer(text):
        step, unit = _step(match["step"]), ""
        if step is None:
            step, unit = Fraction(1), match["step"]
        if unit and unit not in _UNITS:
            # The nearest town: a question of another kind.
            return None
        found.add(Rounding(step=step, unit=unit))
    if _WHOLE.search(text):
        found.add(Rounding(step=Fraction(1)))
    return found.pop() if len(found) == 1 else None


def rounded(value: Fraction | Decimal, asked: Rounding | None) -> Fraction:
    """Return a value rounded as asked, a half away from zero; without rounding, the value.

    Args:
        value: The value; of an irrational one, a decimal with enough digits.
        asked: The rounding.
    """
    exact = Fraction(value)
    if asked is None or not exact:
        return exact
    step = asked.step
    if step is None:
        step = Fraction(10) ** (_magnitude(abs(exact)) - (asked.figures or 1) + 1)
    whole = (abs(exact) / step + Fraction(1, 2)).__floor__() * step
    return whole if exact > 0 else -whole


def rounded_as_written(value: Fraction, asked: Rounding | None, *, exact: bool) -> Fraction:
    """Return a value that an answer writes, rounded as asked if it is meant to be exact.

    A fraction is exact, and so is a decimal with many more places than are asked for. A decimal
    with about as many is rounded already, in another way; a whole number is, too.
    """
    found = rounded(value, asked)
    if asked is None or not found:
        return value
    if exact:
        return found
    step = asked.step
    if step is None:
        step = Fraction(10) ** (_magnitude(abs(value)) - (asked.figures or 1) + 1)
    return found if (value * 10 / step).denominator > 1 and step <= 1 else value


def _count(word: str) -> int:
    return min(int(word) if word.isdecimal() else _COUNTS[word], MAX_PLACES)


def _step(word: str) -> Fraction | None:
    if word[0].isdecimal():
        return Fraction(word)
    if word in _STEPS:
        return _STEPS[word]
    return _STEPS.get(word.split()[0])


def _magnitude(value: Fraction) -> int:
    """Return the power of ten of the first digit of a positive value."""
    power = len(str(value.numerator)) - len(str(value.denominator))
    return power if Fraction(10) ** power <= value else power - 1
