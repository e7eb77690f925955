"""Ranges of numbers, quantities, money, years and times: `5-10`, `from 10 km to 20 km`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts import money, numbers, quantities, times
from atlas_mcp.atlas.comparing.amounts.dates import asks_year
from atlas_mcp.atlas.comparing.amounts.number_questions import asks_label, asks_quantity, asks_score
from atlas_mcp.atlas.comparing.amounts.numerals import western
from atlas_mcp.atlas.comparing.asked import Asked

MAX_RANGE_CHARS = 100
"""Characters of the longest text that is read as a range."""

_SPOKEN = (
    re.compile(r"(?:(?:somewhere|anywhere) )?between (.+) and (.+)", re.IGNORECASE),
    re.compile(r"from (.+?) (?:up )?to (.+)", re.IGNORECASE),
    re.compile(r"zwischen (.+) und (.+)", re.IGNORECASE),
    re.compile(r"(?:von )?(.+?) bis (?:zu )?(.+)", re.IGNORECASE),
    re.compile(r"entre (.+) et (.+)", re.IGNORECASE),
    re.compile(r"(?:de )?(.+?) à (.+)", re.IGNORECASE),
    re.compile(r"(.+?) (?:to|through) (.+)", re.IGNORECASE),
)
_DASHED = re.compile(r"(\S(?:.*?[^\s-])?) ?(-|\u2013|\u2014|~) ?([^\s\u2013\u2014~-].*)")
_BARE = re.compile(r"[\d.,/]+")
_SIGN = re.compile(r"(?:US)?\$|[€£¥₹]")
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_SEASON = re.compile(r"((?:1[89]|20)\d\d)/(\d\d|(?:1[89]|20)\d\d)")
_SCORE = re.compile(r"(\d{1,3}) ?(?:[-:\u2013]| to ) ?(\d{1,3})")
_SHORT_YEAR = re.compile(r"\d{2}")

_NO_RANGE = re.compile(
    r"\b(?:score|result|ratio|odds|verse|what time|which time|match|game|election|phone|vote)\b"
    r"|\d ?[-\u2212\u2013] ?\d+ ?(?:=|\?|$)|\bcalculate\b|\bcompute\b|\bevaluate\b|\bsubtract",
    re.IGNORECASE,
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a range as a whole, from its lower end to its upper one."""
    if not 2 < len(text) <= MAX_RANGE_CHARS:
        return None
    text = western(text)
    score = _SCORE.fullmatch(text)
    if score is not None and asks_score(asked.question):
        return f"score:{score[1]}:{score[2]}"
    if _asks_no_range(asked.question):
        return None
    season = _SEASON.fullmatch(text)
    if season is not None:
        start, end = int(season[1]), season[2]
        follows = int(season[1][:2] + end if len(end) == 2 else end) == start + 1
        return f"range:number:{start}:number:{start + 1}" if follows else None
    for rule in _SPOKEN:
        match = rule.fullmatch(text)
        if match is not None:
            return _range(match[1], match[2], asked, part)
    match = _DASHED.fullmatch(text)
    if match is None:
        return None
    low, dash, high = match.groups()
    if not _is_dash_of_range(low, dash, high, asked):
        return None
    if _YEAR.fullmatch(low) and _SHORT_YEAR.fullmatch(high):
        high = low[:2] + high
    return _range(low, high, asked, part)


def _is_dash_of_range(low: str, dash: str, high: str, asked: Asked) -> bool:
    """Return whether a dash stands between the ends of a range, and is no minus."""
    if asks_quantity(asked.question) and not asks_label(asked.question):
        return True
    years = bool(_YEAR.fullmatch(low)) and bool(
        _YEAR.fullmatch(high) or _SHORT_YEAR.fullmatch(high)
    )
    if years:
        return dash != "-" or bool(_YEAR.fullmatch(high)) or _asks_years(asked.question)
    return dash != "-" or not _BARE.fullmatch(high) or bool(_SIGN.match(low))


def _range(low: str, high: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    low, high = low.strip(), high.strip()
    bare_low, bare_high = numbers.numeral(low, asked), numbers.numeral(high, asked)
    sign = _SIGN.match(low)
    if bare_high is not None and sign is not None:
        high, bare_high = sign[0] + high, None
        bare_low = numbers.numeral(low[sign.end() :], asked)
    elif bare_low is not None and bare_high is None:
        number, suffix = _suffix(high, asked)
        if suffix:
            low, bare_high = low + suffix, numbers.numeral(number, asked)
    if bare_low is not None and bare_high is not None and bare_low.value >= bare_high.value:
        return None
    ends = [_end(end, asked, part) for end in (low, high)]
    if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
        return None
    return f"range:{ends[0]}:{ends[1]}"


def _suffix(text: str, asked: Asked) -> tuple[str, str]:
    """Return the number at the beginning of the upper end, and the unit behind it."""
    match = re.match(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?(?= ?[^\d\s])", text, re.IGNORECASE)
    if match is not None:
        return match[0], text[match.end() :]
    words = text.rsplit(" ", 1)
    return (words[0], f" {words[1]}") if len(words) == 2 else (text, "")


def _end(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    return (
        numbers.read(text, asked)
        or quantities.read(text, asked, part)
        or money.read(text, asked)
        or times.read(text, asked)
    )


@lru_cache(maxsize=64)
def _asks_years(question: str) -> bool:
    return asks_year(question) or bool(re.search(r"\bseasons?\b|\byears\b|\bperiod\b", question))


@lru_cache(maxsize=64)
def _asks_no_range(question: str) -> bool:
    return bool(_NO_RANGE.search(question))
