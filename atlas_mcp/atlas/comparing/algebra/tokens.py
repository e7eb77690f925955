"""The words of a mathematical expression of one line: numbers, names, functions and signs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable

MAX_TOKENS = 400
"""Words of the longest expression that is read."""

TokenKind: TypeAlias = Literal["number", "name", "function", "sign", "script", "end"]
"""What a word is; a script is a raised number or letter."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression.

    Attributes:
        kind: What it is.
        text: How it is written, in one spelling.
        value: The value of a number.
        spaced: Whether white space stands before it.
        index: The base of a logarithm, as text, or the degree of a root.
    """

    kind: TokenKind
    text: str
    value: Fraction = Fraction(0)
    spaced: bool = False
    index: str = ""


FUNCTIONS = {
    **{
        name: name
        for name in (
            *("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "ln", "log", "lg"),
            *("exp", "sqrt", "cbrt", "abs", "gcd", "lcm", "max", "min", "binom", "floor", "ceil"),
            *("arcsin", "arccos", "arctan", "root", "arcsinh", "arccosh", "arctanh"),
        )
    },
    **{"asin": "arcsin", "acos": "arccos", "atan": "arctan", "arcsin": "arcsin", "sgn": "sgn"},
    **{"ctg": "cot", "tg": "tan", "cosec": "csc", "ceiling": "ceil", "binomial": "binom"},
}
"""The functions that are known by their names, and their names here."""

_WORDS = (
    "kg mg gm km cm mm nm ml dl cl pm am kw mw hz pa va ev db kb mb gb tb ms ns us ps lb oz ft "
    "yd mi th st nd rd of or and to is if an at as by no so we he it me up on do go "
    "hr min sec mol cal bar atm rad deg mph kph rpm bps usd eur gbp jpy inr chf aud cad day "
    "for the not but mod div xor nor all any are was has can its one two six ten new vs na dm "
    "mpa kpa ghz mhz kwh mah kj mj gj ha pt qt gal mil lbs hrs est gmt utc cet und oder "
    "ist der die das les une et ou el los las dx dy dz dt du dv"
)
_NO_PRODUCT = frozenset(_WORDS.split())
"""Runs of letters that are words or units, and no products of letters."""

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿˣⁱ", "0123456789+-nxi")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₙₓᵢⱼₖₘ", "0123456789+-nxijkm")
_LETTERS = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+", re.ASCII)
_INDEX = re.compile(r"_(?:\(([A-Za-z0-9+\-]{1,12})\)|([A-Za-z0-9]{1,12})(?![A-Za-z0-9_]))")
_LOG_INDEX = re.compile(r"_(?:\(([A-Za-z0-9.]{1,12})\)|(\d{1,9})(?![\d.])|([A-Za-z]))")
_SUBSCRIPT = re.compile(r"[₀₁₂₃₄₅₆₇₈₉₊₋ₙₓᵢⱼₖₘ]+")
_SUPERSCRIPT = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[⁻]?[ⁿˣⁱ]")
_SAME_SIGN = {
    **{"−": "-", "⋅": "*", "·": "*", "×": "×", "∙": "*", "•": "*", "÷": "/", "∕": "/", "⁄": "/"},
    **{"﹣": "-", "+": "+", "-": "-", "*": "*", "/": "/", "^": "^", "!": "!", "|": "|", ",": ","},
    **{"(": "(", ")": ")", "[": "[", "]": "]", "√": "√", "∛": "∛", "∜": "∜", "°": "°"},
    **{"⌊": "⌊", "⌋": "⌋", "⌈": "⌈", "⌉": "⌉", ";": ","},
}
_GREEK = re.compile(r"[α-ωΑ-Ωϑϱϕϵℓℏ]")


def tokens_of(text: str) -> list[Token]:
    """Return the words of an expression, with an end after them.

    Raises:
        NotReadable: Something in the text is no word of an expression.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        spaced = at > 0 and text[at - 1].isspace()
        at = _read_one(text, at, spaced=spaced, found=found)
        if len(found) > MAX_TOKENS:
            raise NotReadable
    found.append(Token("end", ""))
    return found


def _read_one(text: str, at: int, *, spaced: bool, found: list[Token]) -> int:
    """Read the words that begin at a place, and return the place after them."""
    if number := _NUMBER.match(text, at):
        return _read_number(text, number, spaced=spaced, found=found)
    if letters := _LETTERS.match(text, at):
        return _read_letters(text, letters, spaced=spaced, found=found)
    sign = text[at]
    if _GREEK.match(sign):
        return _read_name(text, at, sign, spaced=spaced, found=found)
    if text.startswith("**", at):
        found.append(Token("sign", "^", spaced=spaced))
        return at + 2
    if raised := _SUPERSCRIPT.match(text, at):
        found.append(Token("script", raised[0].translate(_RAISED), spaced=spaced))
        return raised.end()
    if sign in _SAME_SIGN:
        found.append(Token("sign", _SAME_SIGN[sign], spaced=spaced))
        return at + 1
    value = _vulgar(sign)
    if value is None:
        raise NotReadable
    found.append(Token("number", sign, value, spaced=spaced))
    return at + 1


def _read_number(text: str, match: re.Match[str], *, spaced: bool, found: list[Token]) -> int:
    written = match[0]
    if len(written) > 1 and written[0] == "0" and written[1] != ".":
        raise NotReadable
    if found and found[-1].kind in ("name", "number") and not spaced:
        # `x2`: neither a power nor a product for sure.
        raise NotReadable
    if len(written) > 200:
        raise NotReadable
    value, end = Fraction(written), match.end()
    more = _vulgar(text[end]) if end < len(text) and written.isdigit() else None
    if more is not None:
        value, end = value + more, end + 1
    found.append(Token("number", written, value, spaced=spaced))
    return end


def _read_letters(text: str, match: re.Match[str], *, spaced: bool, found: list[Token]) -> int:
    run, end = match[0], match.end()
    if run in FUNCTIONS:
        return _read_function(text, run, end, spaced=spaced, found=found)
    if run == "pi":
        found.append(Token("name", "pi", spaced=spaced))
        return end
    if len(run) == 1:
        return _read_name(text, match.start(), run, spaced=spaced, found=found)
    if len(run) > 3 or run.lower() in _NO_PRODUCT:
        raise NotReadable
    for place, letter in enumerate(run[:-1]):
        found.append(Token("name", letter, spaced=spaced and not place))
    return _read_name(text, end - 1, run[-1], spaced=False, found=found)


def _read_function(text: str, run: str, end: int, *, spaced: bool, found: list[Token]) -> int:
    index = ""
    if run in ("log", "root"):
        if match := _LOG_INDEX.match(text, end):
            index, end = match[1] or match[2] or match[3], match.end()
        elif match := _SUBSCRIPT.match(text, end):
            index, end = match[0].translate(_LOWERED), match.end()
        elif match := re.compile(r"(10|2)(?=\()").match(text, end):
            index, end = match[0], match.end()
    found.append(Token("function", FUNCTIONS[run], spaced=spaced, index=index))
    return end


def _read_name(text: str, at: int, letter: str, *, spaced: bool, found: list[Token]) -> int:
    """Read a letter with its index and its primes."""
    end = at + 1
    named = "pi" if letter == "π" else letter
    if match := _INDEX.match(text, end):
        named, end = f"{named}_{match[1] or match[2]}", match.end()
    elif match := _SUBSCRIPT.match(text, end):
        named, end = f"{named}_{match[0].translate(_LOWERED)}", match.end()
    elif text.startswith("_", end):
        raise NotReadable
    primes = 0
    while text[end : end + 1] and text[end] in "'′’":
        end, primes = end + 1, primes + 1
    if primes and letter.isupper():
        # Of sets and of statements a prime is a sign of logic.
        raise NotReadable
    found.append(Token("name", named + "'" * primes, spaced=spaced))
    return end


def _vulgar(sign: str) -> Fraction | None:
    """Return the value of a fraction that is one sign."""
    if not unicodedata.decomposition(sign).startswith("<fraction>"):
        return None
    top, _, bottom = unicodedata.normalize("NFKC", sign).partition("⁄")
    return Fraction(int(top), int(bottom)) if top and bottom else None
