"""Times of the day: `2:30 pm`, `14:30`, noon, `10:00Z`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from atlas_mcp.atlas.comparing.amounts import number_words
from atlas_mcp.atlas.comparing.amounts.numerals import western
from atlas_mcp.atlas.comparing.asked import Asked

_DAY = 24 * 60 * 60

_CLOCK = re.compile(
    r"(?:(?:at|um|à) )?(?P<hour>\d{1,2})"
    r"(?:(?P<separator>[:.h])(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.0+)?)?)?"
    r"(?P<rest> ?[a-z+\-\u2212'\u2019].*)?",
    re.IGNORECASE,
)
_HALVES = {
    **dict.fromkeys(("am", "a.m.", "a.m", "in the morning"), "am"),
    **dict.fromkeys(("pm", "p.m.", "p.m", "in the afternoon", "in the evening"), "pm"),
    "noon": "noon",
    "midnight": "midnight",
}
_HALF = re.compile(
    r" ?(?P<half>[ap]\.?m\b\.?|in the (?:morning|afternoon|evening)|noon|midnight)", re.IGNORECASE
)
_ZONE = re.compile(
    r" ?(?P<zone>Z|UTC|[A-Z]{2,5})?(?P<offset> ?[-+\u2212]\d{2}:?\d{2}| ?[-+]\d{1,2})?"
)
_DAY_CLOCK = re.compile(r" ?(?:h|hours|hrs|uhr|heures|o'clock|o\u2019clock)", re.IGNORECASE)
_PAST = re.compile(
    r"(?:at )?(?P<part>half|(?:a )?quarter) (?P<side>past|to) (?P<hour>\d{1,2}|[a-z]{3,6})",
    re.IGNORECASE,
)
_OCLOCK = re.compile(r"(?:at )?(?P<hour>[a-z]{3,6}) o['\u2019]clock", re.IGNORECASE)

_NO_TIME = re.compile(
    r"\b(?:ratio|odds|scale|score|verse|chapter|bible|how long|duration|how many|result)\b",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\b(?:length|radius|wavelength|distance|bond|diameter|size|thick(?:ness)?|wide|width|spacing"
    r"|separation|how (?:long|far|large|big))\b",
    re.IGNORECASE,
)
_HOURS = re.compile(
    r"\b(?P<hours>12|24)[- ]?(?:hours?|h) (?:format|clock|time|notation|style)"
    r"|\bmilitary (?:time|format)",
    re.IGNORECASE,
)
_OFFSETS = {
    **{"Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "PST": -8, "PDT": -7},
    **{"CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "JST": 9},
}
"""Hours before universal time of the zones whose letters no other zone has."""

_GERMAN = re.compile(
    r"(?:um )?(?P<part>halb|viertel nach|viertel vor) (?P<hour>\w{3,6}|\d{1,2})", re.IGNORECASE
)


class Clock(NamedTuple):
    """A time of the day.

    Attributes:
        seconds: Since midnight, in universal time where the offset is known.
        zone: `UTC`, the letters of a zone, `12` where it may be before noon or after it, or empty.
    """

    seconds: int
    zone: str


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a time of the day as a whole."""
    if not 2 < len(text) <= 40:
        return None
    found = clock(western(text))
    if found is None or (_is_bare(text) and _asks_no_time(asked.question)):
        return None
    if ":" not in text and _asks_length(asked.question):
        # A picometre, or more of them.
        return None
    wanted = _asked_hours(asked.question)
    written = _hours_of(text)
    return key_of(found) if wanted in ("", written) else f"{key_of(found)} in {written}"


def key_of(found: Clock) -> str:
    """Return the key of a time."""
    return f"time:{found.seconds}:{found.zone}"


def clock(text: str) -> Clock | None:
    """Return the time that a text is as a whole."""
    folded = text.casefold().removeprefix("at ").removeprefix("12 ")
    if folded in ("noon", "midday", "midnight"):
        return Clock(0 if folded == "midnight" else _DAY // 2, "")
    match = _CLOCK.fullmatch(text)
    if match is None:
        return _spoken(text)
    hour, rest = int(match["hour"]), match["rest"] or ""
    seconds = int(match["minute"] or 0) * 60 + int(match["second"] or 0)
    half = _HALF.match(rest)
    if half is not None:
        hour = _of_half(hour, half["half"], seconds)
        return None if hour is None else _zoned(hour * 3600 + seconds, rest[half.end() :])
    if hour > 23:
        return None
    return _of_day(hour, seconds, match["separator"], len(match["hour"]), rest)


def _of_day(hour: int, seconds: int, separator: str | None, digits: int, rest: str) -> Clock | None:
    spoken = _DAY_CLOCK.fullmatch(rest)
    if spoken is not None:
        oclock = "clock" in rest.casefold()
        if oclock and (separator or not 0 < hour <= 12):
            return None
        if separator is None and not oclock and "uhr" not in rest.casefold():
            # Two hours last from now on.
            return None
        # German 'Uhr' and the like count to 24.
        return Clock(hour * 3600 + seconds, "12" if oclock else "")
    if separator is None or (separator != ":" and not (separator in "hH" and not rest)):
        return None
    if not rest:
        # 2:30 may be in the afternoon; 02:30 is not.
        early = digits == 1 and hour > 0
        return Clock(hour * 3600 + seconds, "12" if early and separator == ":" else "")
    return _zoned(hour * 3600 + seconds, rest)


def _of_half(hour: int, half: str, seconds: int) -> int | None:
    """Return the hour of the day of one before noon or after it."""
    kind = _HALVES.get(half.casefold().rstrip("."), _HALVES.get(half.casefold(), ""))
    if not 0 < hour <= 12 or not kind:
        return None
    if kind in ("noon", "midnight"):
        return (12 if kind == "noon" else 0) if hour == 12 and not seconds else None
    return hour % 12 + (12 if kind == "pm" else 0)


def _zoned(seconds: int, rest: str) -> Clock | None:
    if not rest:
        return Clock(seconds, "")
    match = _ZONE.fullmatch(rest)
    if match is None:
        return None
    zone, offset = match["zone"] or "", (match["offset"] or "").strip().replace("\u2212", "-")
    if not offset:
        if zone in _OFFSETS:
            return Clock(seconds - _OFFSETS[zone] * 3600, "UTC")
        return Clock(seconds, zone)
    if zone not in ("", "UTC", "GMT"):
        return None
    digits = offset[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) < 3 else (int(digits[:2]), int(digits[2:]))
    if hours > 14 or minutes > 59:
        return None
    away = hours * 3600 + minutes * 60
    return Clock(seconds + (away if offset[0] == "-" else -away), "UTC")


def _spoken(text: str) -> Clock | None:
    """Return the time of words of which the half of the day is not said: half past two."""
    match = _PAST.fullmatch(text) or _OCLOCK.fullmatch(text) or _GERMAN.fullmatch(text)
    if match is None:
        return None
    word = match["hour"]
    spoken = "de" if match.re is _GERMAN else "en"
    value = int(word) if word.isdecimal() else number_words.read(word, spoken)
    if value is None or not 0 < value <= 12:
        return None
    hour, minutes = int(value), 0
    if match.re is _GERMAN:
        part = match["part"].casefold()
        minutes = {"halb": 30, "viertel nach": 15, "viertel vor": 45}[part]
        # Half three is half past two.
        hour = hour if part == "viertel nach" else (hour + 10) % 12 + 1
    if match.re is _PAST:
        half = match["part"].casefold() == "half"
        if match["side"].casefold() == "to":
            hour, minutes = (hour + 10) % 12 + 1, 45
            if half:
                return None
        else:
            minutes = 30 if half else 15
    return Clock(hour * 3600 + minutes * 60, "12" if hour < 10 else "")


def _is_bare(text: str) -> bool:
    return not any(c.isalpha() for c in text)


def _hours_of(text: str) -> str:
    """Return how many hours of the day a time is written with; `words` for a time in words."""
    if not text[0].isdecimal():
        return "words"
    return "12" if _HALF.search(text) else "24"


@lru_cache(maxsize=64)
def _asked_hours(question: str) -> str:
    """Return how many hours of the day a question wants times to be written with."""
    match = _HOURS.search(question)
    return "" if match is None else match["hours"] or "24"


@lru_cache(maxsize=64)
def _asks_length(question: str) -> bool:
    return bool(_LENGTH.search(question))


@lru_cache(maxsize=64)
def _asks_no_time(question: str) -> bool:
    return bool(_NO_TIME.search(question))
