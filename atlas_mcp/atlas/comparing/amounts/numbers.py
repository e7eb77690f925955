"""Numbers in the ways in which people and models write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd

from atlas_mcp.atlas.comparing.amounts import number_questions, number_words, ordinals
from atlas_mcp.atlas.comparing.amounts.numerals import MAX_DIGITS, exponent, unsigned, western
from atlas_mcp.atlas.comparing.amounts.rounding import asked_rounding, rounded, rounded_as_written
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import number_key

MAX_CHARS = 1_200
"""Characters of the longest text that is read as a number."""

_SIGNS = ("+", "-", "\u2013", "\u2014")
MAX_NUMBERS = 100
"""Numbers of a question that are looked at."""

_IN_QUESTION = re.compile(r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,30})?|\d{1,30}(?:\.\d{1,30})?")
_BODY = r"(?:\d[\d,.'_ ]*|\.\d+)"
_DECIMAL = re.compile(r"\d[\d,.'_ {}]*|\.\d+")
_E = re.compile(r"([\d.,]{1,60})[eE]([-+]?\d{1,4})")
_TIMES_TEN = re.compile(r"([^*\u00d7·⋅∙xX]{1,60})[*\u00d7·⋅∙xX] ?10 ?([\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺].{0,8})")
_POWER = re.compile(
    r"(\d{1,6}(?:\.\d{1,6})?|\([-+]?\d{1,6}(?:\.\d{1,6})?\)) ?([\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺].{0,8})"
)
_MIXED = re.compile(r"(\d{1,9})(?: | and )(\d{1,6}) ?/ ?(\d{1,6})")
_REPEATING = re.compile(
    r"(\d{1,9})\.(\d{0,20}?)(?:\\(?:overline|bar) ?\{(\d{1,20})\}|\((\d{1,20})\)"
    r"|(\d)\5\5{1,20}(?:\.\.\.|…))"
)
_SCALED = re.compile(rf"({_BODY}) ?-?([a-zäöüéóA-Z]{{3,9}}|[万萬亿億])")
_COLON = re.compile(r"([\d.]{1,12})(?: ?: ?| to )([\d.]{1,12})")
_OUT_OF = re.compile(r"([\d,]{1,12}|[a-z]{3,12}) (?:in|out of) ([\d,]{1,12}|[a-z]{3,12})")
_SEASON = re.compile(r"(?:1[89]|20)\d\d/(?:\d\d|(?:1[89]|20)\d\d)")
_POINTS = re.compile(
    r"(.{1,30}?) ?(?:percentage points?|pp|%-points?|prozentpunkte?)", re.IGNORECASE
)

_PERCENT = re.compile(
    r"\\?%| ?(?:percent|per cent|pct|prozent|pour cent|por ciento)", re.IGNORECASE
)
_PER_MILLE = re.compile(r"‰| ?(?:per mille?|permille|promille)", re.IGNORECASE)


_VULGAR = {
    sign: (int(written[0]), int(written[2:]))
    for sign, written in (
        pair.split("=")
        for pair in (
            *("½=1/2", "⅓=1/3", "⅔=2/3", "¼=1/4", "¾=3/4", "⅕=1/5", "⅖=2/5", "⅗=3/5", "⅘=4/5"),
            *("⅙=1/6", "⅚=5/6", "⅐=1/7", "⅛=1/8", "⅜=3/8", "⅝=5/8", "⅞=7/8", "⅑=1/9", "⅒=1/10"),
        )
    )
}


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it was written.

    Attributes:
        value: The number.
        kind: How it was written: `integer`, `decimal`, `fraction`, `mixed`, `scientific`, `power`,
            `words`.
        written: What else of the writing counts where the question asks for a form.
        figures: Its significant figures, where it is written with digits alone; otherwise 0.
    """

    value: Fraction
    kind: str
    written: str = ""
    figures: int = 0

    def negated(self) -> Numeral:
        """Return the number with a minus sign before it."""
        return Numeral(-self.value, self.kind, f"-{self.written}", self.figures)

    def precision(self, asked: Asked) -> str:
        """Return the part of a key that tells its figures apart, where the question asks for some.

        Of 2.5 and 2.50 only the second has three figures; a fraction is exact.
        """
        if not self.figures or not number_questions.counts_figures(asked.question):
            return ""
        rounding = asked_rounding(asked.question)
        wanted = None if rounding is None else rounding.figures
        if wanted is not None and self.figures >= wanted:
            return ""
        return f":{self.figures} figures"

    def rounded(self, asked: Asked) -> Fraction:
        """Return the number, rounded where the question asks for it and it is exact."""
        exact = self.kind in ("fraction", "mixed")
        return rounded_as_written(self.value, asked_rounding(asked.question), exact=exact)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a number as a whole, an ordinal or a percentage."""
    if len(text) > MAX_CHARS or not text:
        return None
    text = western(text)
    if text[0].isalpha() and number_questions.asks_word(asked.question):
        return None
    return (
        _percentage(text, asked)
        or _ratio(text, asked)
        or _number(text, asked)
        or ordinals.read(text, asked)
    )


def numeral(text: str, asked: Asked) -> Numeral | None:
    """Return the number that a text is as a whole, without a unit; its digits may be foreign."""
    if len(text) > MAX_CHARS:
        return None
    text = western(text).strip()
    if text[:1] in _SIGNS:
        if text[0] == "+" and number_questions.asks_label(asked.question):
            # A prefix to be dialled.
            return None
        sign, rest = text[0], text[1:].lstrip()
        if sign in "\u2013\u2014" and not rest[:1].isdecimal():
            return None
        found = _unsigned(rest, asked.question) if rest[:1] not in _SIGNS else None
        return found if found is None or sign == "+" else found.negated()
    lowered = text[:9].casefold()
    for word in ("negative ", "minus "):
        if lowered.startswith(word):
            found = _unsigned(text[len(word) :], asked.question)
            return None if found is None else found.negated()
    return _unsigned(text, asked.question)


def value_key(found: Numeral, asked: Asked) -> str:
    """Return the key of a number, in the form and rounded as the question asks."""
    form = number_questions.asked_form(asked.question)
    if form and not _fits(found, form):
        return f"numeral:{found.kind}:{found.written or found.value}"
    value = found.rounded(asked)
    if value != found.value and found.value in _numbers_of(asked.question):
        # The number that is to be rounded, as the question has it.
        return f"numeral:unrounded:{found.value}"
    return number_key(value) + found.precision(asked)


@lru_cache(maxsize=64)
def _numbers_of(question: str) -> frozenset[Fraction]:
    """Return the numbers that a question writes with digits."""
    written = _IN_QUESTION.findall(question)[:MAX_NUMBERS]
    return frozenset(Fraction(text.replace(",", "")) for text in written)


def _number(text: str, asked: Asked) -> str | None:
    found = numeral(text, asked)
    if found is None:
        return None
    if found.kind == "fraction":
        over, _, under = found.written.partition("/")
        # A season of 1999/2000; fifty-fifty; a date.
        if _SEASON.fullmatch(found.written):
            return None
        idiom = over == under and not number_questions.asks_amount(asked.question)
        if idiom or number_questions.has_slashed_labels(asked.question):
            return f"written:{found.written}"
    return value_key(found, asked)


def _ratio(text: str, asked: Asked) -> str | None:
    """Return the key of one number beside another: a ratio, a share of one."""
    for rule in (_COLON, _OUT_OF):
        match = rule.fullmatch(text)
        if match is None:
            continue
        over, under = numeral(match[1], asked), numeral(match[2], asked)
        if over is None or under is None or not under.value:
            return None
        value = over.value / under.value
        if rule is _OUT_OF and number_questions.asks_share(asked.question):
            return value_key(Numeral(value, "fraction", f"{over.value}/{under.value}"), asked)
        if number_questions.asks_ratio(asked.question) and value > 0:
            lowest = number_questions.asked_form(asked.question) == "lowest"
            return f"ratio:{over.value}:{under.value}" if lowest else f"ratio:{value}"
        return f"written:{match[1]}:{match[2]}" if ":" in text else None
    return None


def _percentage(text: str, asked: Asked) -> str | None:
    for rule, whole in ((_PERCENT, 100), (_PER_MILLE, 1000)):
        # The sign stands at the end, so it is looked for there.
        match = rule.search(text, max(len(text) - 12, 0))
        if match is None or match.end() != len(text):
            continue
        found = numeral(text[: match.start()].rstrip(" \\"), asked)
        if found is None:
            return None
        asked_for = asked_rounding(asked.question)
        if whole == 100 and number_questions.asks_percent(asked.question):
            return number_key(found.rounded(asked))
        share = found.value / whole
        if number_questions.asks_share(asked.question) and rounded(share, asked_for) == share:
            return value_key(Numeral(share, "decimal"), asked)
        return f"percent:{found.rounded(asked) * 100 / whole}"
    points = _POINTS.fullmatch(text)
    found = None if points is None else numeral(points[1], asked)
    return (
        None if found is None else f"points:{rounded(found.value, asked_rounding(asked.question))}"
    )


def _unsigned(text: str, question: str) -> Numeral | None:
    if not text:
        return None
    if number_questions.asks_label(question) and not text.isalpha():
        # What looks like a power of ten there is a label too.
        return _digits(text, question)
    if text[0].isdecimal() or text[0] == ".":
        return (
            _digits(text, question)
            or _scientific(text, question)
            or _power(text)
            or _fraction(text, question)
            or _repeating(text)
            or _scaled(text, question)
            or _vulgar(text)
        )
    if text[0] == "(":
        return _power(text) or _fraction(text, question)
    found = _vulgar(text)
    if found is not None:
        return found
    value = number_words.read(text, number_questions.language(question))
    if value is None or _is_doubtful_word(text, question):
        return None
    return Numeral(value, "words")


def _is_doubtful_word(text: str, question: str) -> bool:
    """Return whether words may be more than one number, or another word."""
    if len(text) == 1 and not text.isascii():
        return not number_questions.asks_quantity(question)
    return " " in text and number_questions.asks_several(question)


def _digits(text: str, question: str) -> Numeral | None:
    if not _DECIMAL.fullmatch(text):
        return None
    value = unsigned(text, question)
    if value is None:
        return None
    kind = "decimal" if "." in text or value.denominator > 1 else "integer"
    return Numeral(value, kind, figures=_figures(text))


def _figures(text: str) -> int:
    """Return the number of digits of a text from the first one that is not zero."""
    return len(re.sub(r"\D", "", text).lstrip("0"))


def _scientific(text: str, question: str) -> Numeral | None:
    match = _E.fullmatch(text)
    power = int(match[2]) if match is not None else None
    if match is None:
        match = _TIMES_TEN.fullmatch(text)
        if match is None:
            return None
        power = exponent(match[2])
    mantissa = unsigned(match[1].strip(), question)
    if mantissa is None or power is None or abs(power) >= MAX_DIGITS:
        return None
    return Numeral(
        mantissa * Fraction(10) ** power, "scientific", f"{mantissa}e{power}", _figures(match[1])
    )


def _power(text: str) -> Numeral | None:
    match = _POWER.fullmatch(text)
    if match is None:
        return None
    raised = exponent(match[2])
    base = Fraction(match[1].strip("()"))
    if raised is None or (not base and raised <= 0):
        return None
    if abs(raised) * max(len(str(base.numerator)), len(str(base.denominator))) >= MAX_DIGITS:
        return None
    return Numeral(base**raised, "power", f"{base}^{raised}")


def _fraction(text: str, question: str) -> Numeral | None:
    mixed = _MIXED.fullmatch(text)
    if mixed is not None:
        whole, top, bottom = (int(mixed[group]) for group in (1, 2, 3))
        listed = " and " not in text and number_questions.asks_several(question)
        if listed or not 0 < top < bottom:
            return None
        return Numeral(whole + Fraction(top, bottom), "mixed", f"{whole} {top}/{bottom}")
    above, slash, below = text.partition("/")
    if not slash or "/" in below:
        return None
    over, under = _term(above.strip(), question), _term(below.strip(), question)
    if over is None or not under:
        return None
    return Numeral(over / under, "fraction", f"{over}/{under}")


def _term(text: str, question: str) -> Fraction | None:
    """Return a number above or below the line of a fraction: digits, perhaps in brackets."""
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    sign = -1 if text[:1] == "-" else 1
    digits = text.lstrip("-") if text[:2] != "--" else ""
    if not digits or not _DECIMAL.fullmatch(digits):
        return None
    value = unsigned(digits, question)
    return None if value is None else sign * value


def _vulgar(text: str) -> Numeral | None:
    """Return the number of a sign such as ½, perhaps with a whole number before it."""
    parts = _VULGAR.get(text[-1])
    whole = text[:-1].strip()
    if parts is None or (whole and not (whole.isascii() and whole.isdecimal() and len(whole) < 10)):
        return None
    value = Fraction(*parts)
    if not whole:
        return Numeral(value, "fraction", f"{parts[0]}/{parts[1]}")
    return Numeral(int(whole) + value, "mixed", f"{int(whole)} {parts[0]}/{parts[1]}")


def _repeating(text: str) -> Numeral | None:
    match = _REPEATING.fullmatch(text)
    if match is None:
        return None
    before, block = match[2], match[3] or match[4] or match[5]
    fixed = int(match[1] + before)
    value = fixed + Fraction(int(block), 10 ** len(block) - 1)
    return Numeral(value / 10 ** len(before), "decimal")


def _scaled(text: str, question: str) -> Numeral | None:
    match = _SCALED.fullmatch(text)
    if match is None:
        return None
    scale = number_words.scale(match[2], number_questions.language(question))
    value = unsigned(match[1].strip(), question)
    if scale is None or value is None:
        return None
    return Numeral(value * scale, "words")


def _fits(found: Numeral, form: str) -> bool:
    """Return whether a number is written in a form that was asked for."""
    kind = found.kind
    if kind == "integer":
        return form not in ("words", "scientific", "power")
    over, _, under = found.written.lstrip("-").rpartition(" ")[2].partition("/")
    if form in ("lowest", "mixed", "improper", "fraction"):
        if kind not in ("fraction", "mixed") or not (over.isdecimal() and under.isdecimal()):
            return False
        if form != "lowest" and (kind == "mixed") != (form == "mixed"):
            return False
        return gcd(int(over), int(under)) == 1 and under != "1"
    if form == "scientific":
        mantissa = found.written.lstrip("-").partition("e")[0]
        return kind == "scientific" and 1 <= Fraction(mantissa) < 10
    if form == "decimal":
        return kind == "decimal"
    if form == "digits":
        return kind != "words"
    return kind == form
