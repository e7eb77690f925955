"""Digits: of every script, with separators between groups, and with a point or a comma."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from atlas_mcp.atlas.comparing.amounts import number_questions

MAX_DIGITS = 1_000
"""Digits of the longest number that is worked out from powers."""

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2212\ufe63\uff0d\u2010\u2011", "-"),
        **{"\uff0b": "+", "\uff0e": ".", "\uff0c": ",", "\uff05": "%", "\uff0f": "/"},
        **{"\u066b": ".", "\u066c": ",", "\u066a": "%", "\u2044": "/", "\u2215": "/"},
        **dict.fromkeys("\u00a0\u202f\u2009\u2007", " "),
        **{"\u2019": "'", "\uff3e": "^", "\uff1a": ":", "\uff1d": "=", "\uff04": "$"},
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}")
_EXPONENT = re.compile(r"\^\s?(?:\{ ?([-+]?\d{1,4}) ?\}|\( ?([-+]?\d{1,4}) ?\)|([-+]?\d{1,4}))")

_PLAIN = re.compile(r"\d+")
_POINT = re.compile(r"\d*\.\d+|\d+\.")
_COMMA = re.compile(r"\d+,\d+")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_SPACED = re.compile(r"\d{1,3}(?:([ '_])\d{3})(?:\1\d{3})*(?:\.\d+)?")
_SPACED_COMMA = re.compile(r"\d{1,3}(?: \d{3})+,\d+")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{3})+")
_DOTTED_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")


def western(text: str) -> str:
    """Return a text with the digits, signs and spaces of other scripts as ASCII has them."""
    if text.isascii():
        return text
    text = text.translate(_SIGNS)
    return "".join(map(_digit, text))


def exponent(text: str) -> int | None:
    """Return the exponent that a text is as a whole: `^3`, `^{-3}`, `³`."""
    if _RAISED.fullmatch(text):
        return int(text.translate(_SUPERSCRIPTS))
    match = _EXPONENT.fullmatch(text)
    return None if match is None else int(match[1] or match[2] or match[3])


def unsigned(text: str, question: str) -> Fraction | None:
    """Return the number of a text of digits and separators alone.

    Args:
        text: The text, with western digits.
        question: The question, which decides between a decimal comma and one between groups.
    """
    text = text.replace("{,}", ",").replace("\\,", " ")
    if number_questions.asks_label(question) and not _PLAIN.fullmatch(text):
        # Sections 3.10 and 3.1 are two, and a telephone number has no thousands.
        return None
    if _PLAIN.fullmatch(text):
        if len(text) > 1 and text[0] == "0" and number_questions.counts_leading_zeros(question):
            return None
        return _fraction(text)
    if _POINT.fullmatch(text):
        return _with_point(text, question)
    if text[0] == "0" and (text[1:2] != "," or _GROUPED.fullmatch(text)):
        return None
    if _GROUPED.fullmatch(text) or _COMMA.fullmatch(text):
        return _with_comma(text, question)
    match = _SPACED.fullmatch(text)
    if match is not None:
        if match[1] == " " and number_questions.asks_several(question):
            return None
        return _fraction(re.sub("[ '_]", "", text))
    if _DOTTED_COMMA.fullmatch(text) or _SPACED_COMMA.fullmatch(text):
        if number_questions.asks_several(question):
            return None
        return _fraction(re.sub("[ .]", "", text).replace(",", "."))
    if _DOTTED.fullmatch(text) and number_questions.has_decimal_comma(question):
        return _fraction(text.replace(".", ""))
    return None


def _with_point(text: str, question: str) -> Fraction | None:
    if text[0] == "0" and text[1] != "." and number_questions.counts_leading_zeros(question):
        return None
    if text.endswith("0") and number_questions.asks_which(question):
        return None
    if (
        _DOTTED.fullmatch(text)
        and text[0] != "0"
        and number_questions.has_decimal_comma(question)
        and not number_questions.asks_three_places(question)
    ):
        # 1.234 is a thousand and more where people are counted, and otherwise it cannot be told.
        counted = number_questions.asks_count(question)
        return _fraction(text.replace(".", "")) if counted else None
    return _fraction(text)


def _with_comma(text: str, question: str) -> Fraction | None:
    groups = text.partition(".")[0].split(",")
    if number_questions.has_decimal_comma(question):
        if len(groups) == 2 and "." not in text:
            three = len(groups[1]) == 3 and groups[0] != "0"
            if three and number_questions.asks_count(question):
                return None
            return _fraction(text.replace(",", "."))
    elif not _GROUPED.fullmatch(text):
        return None
    # Groups that do not begin with a zero may be numbers of their own.
    bare = all(group[0] != "0" for group in groups[1:]) and "." not in text
    if bare and number_questions.asks_several(question):
        return None
    return _fraction(text.replace(",", "")) if _GROUPED.fullmatch(text) else None


def _fraction(text: str) -> Fraction:
    # By whole numbers: a limit of the interpreter on the digits of one holds for both ways.
    whole, _, decimals = text.partition(".")
    return Fraction(int(whole + decimals or "0"), 10 ** len(decimals))


def _digit(c: str) -> str:
    if c.isascii():
        return c
    value = unicodedata.decimal(c, None)
    return c if value is None else str(value)
