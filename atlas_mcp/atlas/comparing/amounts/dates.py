"""Dates, years, decades and centuries as they are written in several languages."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts import number_words, times
from atlas_mcp.atlas.comparing.amounts.number_questions import language
from atlas_mcp.atlas.comparing.amounts.numerals import western
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import number_key, verbatim_key

MAX_DATE_CHARS = 60
"""Characters of the longest text that is read as a date."""

_FIRST_GREGORIAN_YEAR = 1583
"""First year of which the days of the week are checked."""

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
    " diciembre",
}
_MONTH_OF = {
    spoken: {name: number for number, name in enumerate(names.split(), 1)}
    for spoken, names in _MONTHS.items()
}
_SHORT = {name[:3]: number for name, number in _MONTH_OF["en"].items()} | {"sept": 9}
_WEEKDAYS = {
    name: number
    for names in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "mon tue wed thu fri sat sun",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lunes martes miércoles jueves viernes sábado domingo",
    )
    for number, name in enumerate(names.split())
} | {"tues": 1, "thur": 3, "thurs": 3}

_WEEKDAY = re.compile(r"(?P<name>[^\W\d_]{3,10})\.?,? (?:the |den |le )?(?P<rest>.+)")
_ERAS = (
    r"(?P<era>B\.?C\.?(?:E\.?)?|A\.?D\.?|C\.?E\.?|v\. ?(?:Chr|u\. ?Z)\.?|n\. ?(?:Chr|u\. ?Z)\.?"
    r"|av\. J\.-C\.?|ap\. J\.-C\.?|a\. ?C\.?|d\. ?C\.?)"
)
_YEAR = rf"(?:(?:AD |A\.D\. )?(?P<year>\d{{3,4}})(?: {_ERAS})?)"
_DAY_FIRST = re.compile(
    r"(?:the )?(?P<day>\d{1,2})(?P<end>st|nd|rd|th|er|\.)?(?: of| de)?[ -](?P<month>[^\W\d_]{3,10})"
    rf"\.?(?:(?:,| of| de|-)? ?{_YEAR})?"
)
_MONTH_FIRST = re.compile(
    rf"(?P<month>[^\W\d_]{{3,10}})\.? (?:the )?(?P<day>\d{{1,2}})(?P<end>st|nd|rd|th)?"
    rf"(?:,? {_YEAR})?"
)
_MONTH_YEAR = re.compile(rf"(?P<month>[^\W\d_]{{3,10}})\.?,?(?: of| de)? {_YEAR}")
_ISO = re.compile(
    r"(?P<year>\d{4})(?P<separator>[-/.])(?P<month>\d{1,2})(?P=separator)(?P<day>\d{1,2})"
)
_CJK = re.compile("(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日")
_FIGURES = re.compile(
    r"(?P<a>\d{1,2})(?P<separator>[-/.]) ?(?P<b>\d{1,2})(?P=separator) ?(?P<year>\d{4})"
)
_ERA = re.compile(rf"(?P<year>\d{{1,5}}) ?{_ERAS}|(?:AD|A\.D\.) ?(?P<after>\d{{1,4}})")
_PLAIN_YEAR = re.compile(
    r"(?:in |in the year |the year |year |im jahr |im jahre |en )(?P<year>\d{3,4})", re.IGNORECASE
)
_CENTURY = re.compile(
    r"(?:the |in the )?(?P<number>\d{1,2}(?:st|nd|rd|th)|[a-z]+(?:[- ][a-z]+)?)[ -]century"
    rf"(?: {_ERAS})?",
    re.IGNORECASE,
)
_DECADE = re.compile(r"(?:the |in the )?(?P<year>\d{3}0)['’]?s")
_WITH_TIME = re.compile(
    r"(?P<date>.{6,40}?)(?:(?<=\d)T(?=\d)|,? at |, | )(?P<time>\d{1,2}[:h ].{1,20}|noon|midnight)"
)

_ASKS_YEAR = re.compile(
    r"\b(?:what|which|in welchem|welches|quelle|qué) (?:year|jahr|année|año)\b"
    r"|^(?:when|wann|quand)\b|\bwhen (?:was|did|were|is|does)\b|\byear of\b",
    re.IGNORECASE,
)
_ASKS_FORMAT = re.compile(r"\b(?:format|iso(?: |-)?8601)\b|\b[YMD]{1,4}[-/.][YMD]{1,4}\b")
_DAY_MONTH = re.compile(
    r"\b(?:DD|dd)[/.-]|\b(?:british|european|uk) (?:date|format)", re.IGNORECASE
)
_MONTH_DAY = re.compile(
    r"\b(?:MM|mm)[/.-](?:DD|dd)|\b(?:american|us) (?:date|format)", re.IGNORECASE
)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a date, a year with its era, a decade or a century."""
    if not 3 <= len(text) <= MAX_DATE_CHARS:
        return None
    text = western(text)
    if text.casefold().rstrip(".") in _WEEKDAYS and _asks_weekday(asked.question):
        return f"weekday:{_WEEKDAYS[text.casefold().rstrip('.')]}"
    key = _era(text, asked) or _year(text, asked) or _century(text) or _decade(text)
    if key is None:
        key = _day(text, asked.question) or _moment(text, asked.question)
    if key is not None and _asks_format(asked.question):
        return verbatim_key(text)
    return key


@lru_cache(maxsize=64)
def asks_year(question: str) -> bool:
    """Return whether a question asks when something was, or for the year."""
    return bool(_ASKS_YEAR.search(question))


@lru_cache(maxsize=64)
def _asks_weekday(question: str) -> bool:
    return bool(re.search(r"\bday\b|\bwochentag\b|\bwhen\b|\bwann\b", question, re.IGNORECASE))


@lru_cache(maxsize=64)
def _asks_format(question: str) -> bool:
    return bool(_ASKS_FORMAT.search(question))


def _era(text: str, asked: Asked) -> str | None:
    match = _ERA.fullmatch(text)
    if match is None:
        return None
    year = int(match["year"] or match["after"])
    before = _is_before(match["era"])
    if before:
        return f"year:-{year}"
    return number_key(Fraction(year)) if asks_year(asked.question) else f"year:{year}"


def _year(text: str, asked: Asked) -> str | None:
    match = _PLAIN_YEAR.fullmatch(text)
    if match is None or not asks_year(asked.question):
        return None
    return number_key(Fraction(int(match["year"])))


def _century(text: str) -> str | None:
    match = _CENTURY.fullmatch(text)
    if match is None:
        return None
    written = match["number"]
    number = int(written[:-2]) if written[0].isdecimal() else number_words.ordinal(written)
    if not number:
        return None
    before = _is_before(match["era"])
    return f"century:{'-' if before else ''}{number}"


def _decade(text: str) -> str | None:
    match = _DECADE.fullmatch(text)
    return None if match is None else f"decade:{match['year']}"


def _moment(text: str, question: str) -> str | None:
    match = _WITH_TIME.fullmatch(text)
    if match is None:
        return None
    day, clock = _day(match["date"], question), times.clock(match["time"].strip())
    if day is None or clock is None or not re.fullmatch(r"date:\d+-\d+-\d+", day):
        return None
    year, month, number = map(int, day.removeprefix("date:").split("-"))
    days, seconds = divmod(clock.seconds, 24 * 60 * 60)
    return f"moment:{date(year, month, number).toordinal() + days}:{seconds}:{clock.zone}"


def _day(text: str, question: str) -> str | None:
    """Return the key of a day, with or without its year, or of a month of a year."""
    weekday = None
    match = _WEEKDAY.fullmatch(text)
    if match is not None and match["name"].casefold() in _WEEKDAYS:
        weekday, text = _WEEKDAYS[match["name"].casefold()], match["rest"]
    if text[:3] in ("on ", "On ", "am ", "le "):
        text = text[3:]
    found = _in_words(text, question) or _in_figures(text, question)
    if found is None:
        return None
    year, month, day = found
    if day and not _is_day(year, month, day):
        return None
    key = f"date:{_figure(year)}-{month}-{_figure(day)}"
    if weekday is None:
        return key
    if year is None or year < _FIRST_GREGORIAN_YEAR or not day:
        return f"{key}:weekday{weekday}"
    # A day of the week that is not that of the date is a slip, and one of the two is wrong.
    return key if date(year, month, day).weekday() == weekday else f"{key}:weekday{weekday}"


def _in_words(text: str, question: str) -> tuple[int | None, int, int | None] | None:
    for rule in (_DAY_FIRST, _MONTH_FIRST, _MONTH_YEAR):
        match = rule.fullmatch(text)
        if match is None:
            continue
        groups = match.groupdict()
        year = None if groups["year"] is None else int(groups["year"])
        month = _month(match["month"], question, year is not None)
        if month is None:
            return None
        if year is not None and _is_before(groups["era"]):
            year = -year
        day = groups.get("day")
        return year, month, None if day is None else int(day)
    return None


def _in_figures(text: str, question: str) -> tuple[int, int, int] | None:
    match = _ISO.fullmatch(text) or _CJK.fullmatch(text)
    if match is not None:
        return int(match["year"]), int(match["month"]), int(match["day"])
    match = _FIGURES.fullmatch(text)
    if match is None:
        return None
    a, b, year = int(match["a"]), int(match["b"]), int(match["year"])
    day_first = a > 12 or (match["separator"] == "." and language(question) != "en")
    day_first = day_first or language(question) in ("de", "fr", "es")
    if a == b or day_first or (_DAY_MONTH.search(question) and not _MONTH_DAY.search(question)):
        return year, b, a
    if b > 12 or _MONTH_DAY.search(question):
        return year, a, b
    return None


def _month(name: str, question: str, with_year: bool) -> int | None:
    folded = name.casefold()
    found = _MONTH_OF["en"].get(folded) or _SHORT.get(folded)
    if found is not None:
        return found
    for spoken, months in _MONTH_OF.items():
        if folded in months and (with_year or spoken == language(question)):
            return months[folded]
    return None


def _is_day(year: int | None, month: int, day: int) -> bool:
    try:
        date(year if year is not None and 0 < year < 10_000 else 2000, month, day)
    except ValueError:
        return False
    return True


def _is_before(era: str | None) -> bool:
    """Return whether an era is the one before the year 1."""
    return (era or "").casefold().startswith(("b", "v", "av", "a. c", "a.c")) and era != "A.C.E."


def _figure(number: int | None) -> str:
    return "" if number is None else str(number)
