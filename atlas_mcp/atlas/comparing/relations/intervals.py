"""Intervals and sets of real numbers that are made of them: `[0, 1)`, `]0, 1[`, `ℝ∖{0}`.

Two numbers in round brackets are a point or an interval, and have one key for both. Two in square
brackets are a list, unless the question asks for an interval.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import tuple_key
from atlas_mcp.atlas.comparing.relations import real_sets
from atlas_mcp.atlas.comparing.relations.real_sets import Interval

MAX_CHARS = 300
"""Characters of the longest text that is read."""

_ONE = re.compile(r"(?P<open>[\[\](])\s*(?P<inside>[^\[\]{}∪<>=|]{1,120}?)\s*(?P<close>[\[\])])")
_UNION = re.compile(r"\s*∪\s*|\s+U\s+|\s+union\s+")
_OR = re.compile(r"\s+or\s+|\s+and\s+")
_MEMBER = re.compile(r"[a-zα-ω]\s*(?:∈|\bin\b)\s*(?P<set>[\[\](ℝ{].*)")
_BUILDER = re.compile(
    r"\{\s*(?P<name>[a-zα-ω])\s*(?:∈\s*ℝ\s*)?(?:\||:)\s*(?P<rule>[^{}|]{1,150})\}"
)
_REALS = r"(?:ℝ|R|\(-∞, ?∞\)|all real numbers|all reals|the real numbers)"
_EXCEPT = re.compile(
    _REALS + r"\s*(?:∖|\\|-|−|without|except(?: for)?|excluding|other than|but)\s*"
    r"(?:the (?:number|point)s? )?(?:[a-z]\s*=\s*|[a-z]\s*≠\s*)?"
    r"(?:\{(?P<set>[^{}]{1,80})\}|(?P<one>[^{}∖\s]{1,30}(?: (?:and|,) [^{}∖\s]{1,30})?))"
)
_ALL = re.compile(
    r"(?:[a-zα-ω] ?∈ ?)?(?:ℝ|all real numbers|all reals|the real numbers|the set of (?:all )?"
    r"real numbers|the reals|every real number)",
    re.IGNORECASE,
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is an interval, or a set made of intervals, as a whole."""
    if len(text) > MAX_CHARS:
        return None
    try:
        return _key(text, asked, part)
    except NotReadable:
        return None


def _key(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    is_set_asked = real_sets.is_set_asked(asked.question)
    if match := _MEMBER.fullmatch(text):
        if match["set"][0] == "{":
            return part(match["set"])
        return _key(match["set"], asked, part)
    if is_set_asked and (match := _BUILDER.fullmatch(text)):
        return part(match["rule"].strip())
    if _ALL.fullmatch(text):
        return real_sets.key_of((real_sets.line(part),)) if is_set_asked else None
    if match := _EXCEPT.fullmatch(text):
        return _all_but(match["set"] or match["one"], part) if is_set_asked or "ℝ" in text else None
    return _of_intervals(text, part, is_set_asked=is_set_asked)


def _of_intervals(text: str, part: Callable[[str], str], *, is_set_asked: bool) -> str | None:
    """Return the key of an interval, or of a union of them."""
    pieces = _UNION.split(text)
    if len(pieces) == 1 and is_set_asked and text[-1:] in ")]":
        pieces = _OR.split(text)
    matches = [_ONE.fullmatch(piece.strip()) for piece in pieces]
    ends = [None if match is None else _ends(match["inside"]) for match in matches]
    if len(pieces) > real_sets.MAX_INTERVALS:
        return None
    intervals = [
        _interval(match["open"], match["close"], pair, part)
        for match, pair in zip(matches, ends, strict=True)
        if match is not None and pair is not None
    ]
    if len(intervals) < len(pieces):
        return None
    if len(pieces) > 1:
        known = [interval for interval, _ in intervals if interval is not None]
        if len(known) == len(pieces):
            return real_sets.key_of(real_sets.union(known))
        return real_sets.union_key(key for _, key in intervals)
    interval, key = intervals[0]
    if interval is not None and interval.low.value >= interval.high.value:
        return None
    if is_set_asked:
        return key
    if text[0] == "[" and text[-1] == "]":
        return None
    # `]2, 5[` is never a point.
    return f"open:{key}" if text[0] == "]" and text[-1] == "[" else key


def _ends(inside: str) -> tuple[str, str] | None:
    """Return the two ends that are written between the brackets of an interval."""
    separator = ";" if ";" in inside else ","
    first, _, second = inside.partition(separator)
    if not first.strip() or not second.strip() or separator in second:
        return None
    balanced = all(end.count("(") == end.count(")") for end in (first, second))
    return (first.strip(), second.strip()) if balanced else None


def _interval(
    opening: str, closing: str, ends: tuple[str, str], part: Callable[[str], str]
) -> tuple[Interval | None, str]:
    """Return an interval, `None` where the ends are no numbers, and its key."""
    low, high = (real_sets.endpoint(end, part) for end in ends)
    with_low, with_high = opening == "[", closing == "]"
    if low is None or high is None:
        brackets = ("[" if with_low else "(") + ("]" if with_high else ")")
        return None, tuple_key(brackets, (part(ends[0]), part(ends[1])))
    with_low = with_low and low.value.is_finite()
    with_high = with_high and high.value.is_finite()
    found = Interval(low, high, with_low, with_high)
    return found, tuple_key(found.brackets, (low.key, high.key))


def _all_but(members: str, part: Callable[[str], str]) -> str | None:
    """Return the key of the real numbers without some."""
    found = (real_sets.line(part),)
    for member in re.split(r"\s*(?:,|;|\band\b)\s*", members):
        for sign in _signed(member):
            point = real_sets.endpoint(sign, part)
            if point is None:
                return None
            found = real_sets.without(found, point)
    return real_sets.key_of(found)


def _signed(member: str) -> tuple[str, ...]:
    return (member[1:], f"-{member[1:]}") if member.startswith("±") else (member,)
