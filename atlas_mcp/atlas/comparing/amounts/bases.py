"""Whole numbers in other bases than ten, and in Roman numerals."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts.dates import asks_year
from atlas_mcp.atlas.comparing.amounts.number_questions import asks_amount, asks_label
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import number_key

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAMES = {"binary": 2, "ternary": 3, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16} | {
    "binär": 2,
    "oktal": 8,
    "dezimal": 10,
    "hexadezimal": 16,
    "denary": 10,
}
_PREFIXES = {"0b": 2, "0o": 8, "0x": 16}
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_PREFIXED = re.compile(r"0([bBoOxX])([0-9A-Fa-f]+(?:[_ ][0-9A-Fa-f]+)*)")
_SUBSCRIPTED = re.compile(
    r"\(?([0-9A-Za-z]+(?:[_ ][0-9A-Za-z]+)*?)\)?(?:([₀₁₂₃₄₅₆₇₈₉]{1,2})|_\{?\(?(\d{1,2})\)?\}?)"
)
_BARE = re.compile(r"[0-9A-Za-z]+(?:[ _][0-9A-Za-z]+)*")
_IN_BASE = re.compile(
    r"\b(?:in|to|into|as) (?:an? |its |the )?(?:\d+-bit |unsigned |signed |8-bit )?"
    r"(?:base[ -](?P<base>\d{1,2}|two|three|five|eight|ten|sixteen)\b"
    r"|(?P<name>binary|hexadecimal|hex|octal|ternary|decimal|denary|binär|hexadezimal|oktal"
    r"|dezimal)\b(?! place| point| digit))",
    re.IGNORECASE,
)
_WORDS = {"two": 2, "three": 3, "five": 5, "eight": 8, "ten": 10, "sixteen": 16}
_NAMED = re.compile(
    r"(?P<digits>[0-9][0-9A-Fa-f]*(?:[_ ][0-9A-Fa-f]+)*) ?\(?(?:in )?(?:base[ -]?)?"
    r"(?P<name>(?<=base)\d{1,2}|(?<=base[ -])(?:\d{1,2}|two|three|five|eight|ten|sixteen)"
    r"|binary|hexadecimal|hex|octal|decimal)\)?",
    re.IGNORECASE,
)
_ANY_BASE = re.compile(
    r"\b(?:binary|hex(?:adecimal)?|octal|ternary|base|bits?|byte|address|colou?r|opcode)\b|0[xbo]",
    re.IGNORECASE,
)
_DECIMAL_VALUE = re.compile(
    r"\b(?:decimal|denary) (?:value|equivalent|representation|number)\b", re.IGNORECASE
)
_WHICH_NUMBER = re.compile(
    r"\b(?:which|what) (?:whole |decimal )?(?:number|integer)\b", re.IGNORECASE
)

_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ASKS_ROMAN = re.compile(r"\broman|\brömisch|\bchiffres romains", re.IGNORECASE)
_SYMBOL = re.compile(
    r"\b(?:symbol|letter|element|chord|abbreviation|acronym|state|word)\b", re.IGNORECASE
)
_COLOUR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a number in another base as a whole."""
    if not 1 < len(text) <= 200:
        return None
    base = asked_base(asked.question)
    found = _with_base(text, base)
    if found is None and base is not None and base != 10 and _BARE.fullmatch(text):
        digits = re.sub("[ _]", "", text).lower()
        found = (digits, base) if _is_in_base(digits, base) else None
    if found is not None:
        return _key(*found, asked=asked, wanted=base)
    return _colour(text, asked) or _roman(text, asked)


@lru_cache(maxsize=64)
def asked_base(question: str) -> int | None:
    """Return the base in which a question asks for a number; `None` where it names none."""
    matches = list(_IN_BASE.finditer(question))
    if not matches:
        return 10 if _DECIMAL_VALUE.search(question) else None
    last = matches[-1]
    if last["name"]:
        return _NAMES[last["name"].casefold()]
    written = last["base"].casefold()
    base = _WORDS.get(written) or int(written)
    return base if 2 <= base <= 36 else None


def _with_base(text: str, wanted: int | None) -> tuple[str, int] | None:
    """Return the digits of a text that names its base, and the base."""
    match = _PREFIXED.fullmatch(text)
    if match is not None:
        base = _PREFIXES[f"0{match[1].lower()}"]
        digits = re.sub("[_ ]", "", match[2]).lower()
        return (digits, base) if _is_in_base(digits, base) else None
    match = _NAMED.fullmatch(text)
    if match is not None:
        name = match["name"].casefold()
        base = _NAMES.get(name) or _WORDS.get(name) or int(name)
        digits = re.sub("[_ ]", "", match["digits"]).lower()
        return (digits, base) if 2 <= base <= 36 and _is_in_base(digits, base) else None
    match = _SUBSCRIPTED.fullmatch(text)
    if match is None:
        return None
    base = int(match[2].translate(_SUBSCRIPTS) if match[2] else match[3])
    digits = re.sub("[_ ]", "", match[1]).lower()
    if not 2 <= base <= 36 or not _is_in_base(digits, base):
        return None
    # A letter with an index is a name, unless that base is asked for.
    if not digits[0].isdecimal() and base != wanted:
        return None
    return digits, base


def _is_in_base(digits: str, base: int) -> bool:
    allowed = _DIGITS[:base]
    return all(c in allowed for c in digits)


def _key(digits: str, base: int, *, asked: Asked, wanted: int | None) -> str:
    as_number = wanted == 10 or (
        wanted is None and bool(asked.question) and _asks_number(asked.question)
    )
    if as_number or (base == 10 and wanted in (None, 10)):
        return number_key(Fraction(int(digits, base)))
    if wanted is None:
        return f"based:{int(digits, base)}"
    # A byte has eight digits, and four of them are another answer.
    return f"base{base}:{digits}"


@lru_cache(maxsize=64)
def _asks_number(question: str) -> bool:
    """Return whether a question asks for a number, and not for its digits in some base."""
    if _ANY_BASE.search(question) or asks_label(question):
        return False
    return asks_amount(question) or bool(_WHICH_NUMBER.search(question))


def _colour(text: str, asked: Asked) -> str | None:
    match = _COLOUR.fullmatch(text)
    if match is None or not re.search(r"\bcolou?r|\bcss\b|\bfarbe", asked.question, re.IGNORECASE):
        return None
    digits = match[1].lower()
    return f"colour:{digits if len(digits) == 6 else ''.join(2 * c for c in digits)}"


def _roman(text: str, asked: Asked) -> str | None:
    if len(text) < 2 or not _ROMAN.fullmatch(text) or asks_label(asked.question):
        return None
    if _ASKS_ROMAN.search(asked.question):
        return _of_roman(text, asked.question)
    which = asks_amount(asked.question) or asks_year(asked.question)
    which = which or _WHICH_NUMBER.search(asked.question)
    if not which or _SYMBOL.search(asked.question):
        return None
    return number_key(Fraction(_roman_value(text)))


def _of_roman(text: str, question: str) -> str:
    """Return the key of Roman numerals where a question speaks of them."""
    written = re.search(r"\b(?:in|as|to|into|als) roman|römische[nr]? za", question, re.IGNORECASE)
    if written is None and _WHICH_NUMBER.search(question):
        return number_key(Fraction(_roman_value(text)))
    return f"roman:{text}"


def _roman_value(text: str) -> int:
    values = [_ROMAN_VALUES[c] for c in text]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
