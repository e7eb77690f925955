"""Sets of real numbers as intervals: their unions, what they have in common, and their keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra import evaluation, nodes, parsing
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.forms import set_key, tuple_key

MAX_INTERVALS = 12
"""Intervals in the largest union that is read."""

_NEARLY = Decimal(10) ** -30

_SET_ASKED = re.compile(
    r"\binequalit|\bsolution set|\bdomain\b|\brange of\b|\bintervals?\b"
    r"|\bset of (?:all|values|real|x)"
    r"|\bfor (?:which|what) (?:real )?(?:numbers?|values?|x|[a-z])\b|\bvalues? of [a-z]\b"
    r"|\bwhere is\b.{0,30}\b(?:increasing|decreasing|positive|negative|concave|continuous|defined)"
    r"|\bconverge|\bsolve\b[^.?]*(?:[<>≤≥≠]|\\[lg]eq?\b)"
    r"|\bungleichung|\blösungsmenge|\bdefinitionsmenge|\bdefinitionsbereich|\bwertebereich"
    r"|\bwertemenge|\bintervalle?\b|\bensemble de définition|\binéquation|\bintervalo|\bdominio"
)


_INEQUALITY_ASKED = re.compile(
    r"\b(?:write|which|what|give|state|choose|find) (?:an |the |one )?inequalit"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A number, or an infinity.

    Attributes:
        value: Its value, to more digits than are compared.
        key: Its key.
    """

    value: Decimal
    key: str


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers between two, with or without these."""

    low: Endpoint
    high: Endpoint
    with_low: bool = False
    with_high: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no number is between them."""
        if self.low.value == self.high.value:
            return not (self.with_low and self.with_high)
        return self.low.value > self.high.value

    @property
    def brackets(self) -> str:
        """The two brackets around it."""
        return ("[" if self.with_low else "(") + ("]" if self.with_high else ")")


@lru_cache(maxsize=64)
def is_set_asked(question: str) -> bool:
    """Return whether a question asks for a set of real numbers."""
    text = " ".join(question.casefold().split())
    return bool(_SET_ASKED.search(text)) and not _INEQUALITY_ASKED.search(text)


def endpoint(text: str, part: Callable[[str], str]) -> Endpoint | None:
    """Return the number that a text is; `None` for any other text.

    Args:
        text: The text.
        part: Gives the key of a part of the answer.
    """
    text = text.strip()
    sign, size = (text[0], text[1:].strip()) if text[:1] in ("+", "-", "−") else ("", text)
    if size in ("∞", "infinity", "inf", "oo"):
        minus = sign in ("-", "−")
        return infinity(part, minus=minus)
    try:
        node = parsing.parse(text)
        if nodes.names_in(node):
            return None
        return Endpoint(evaluation.value_of(node), part(text))
    except NotReadable:
        return None


def infinity(part: Callable[[str], str], *, minus: bool = False) -> Endpoint:
    """Return the end of the line of real numbers."""
    return Endpoint(Decimal("-Infinity" if minus else "Infinity"), part("-∞" if minus else "∞"))


def line(part: Callable[[str], str]) -> Interval:
    """Return the line of all real numbers."""
    return Interval(infinity(part, minus=True), infinity(part))


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return intervals that do not touch, in their order, with the same numbers."""
    left = [interval for interval in intervals if not interval.is_empty]
    left.sort(key=lambda one: (one.low.value, not one.with_low))
    found: list[Interval] = []
    for interval in left:
        if found and _touch(found[-1], interval):
            found[-1] = _together(found[-1], interval)
        else:
            found.append(interval)
    if len(found) > MAX_INTERVALS:
        raise NotReadable
    return tuple(found)


def common(first: Iterable[Interval], second: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the numbers that are in both sets."""
    others = tuple(second)
    return union(_common(one, other) for one in first for other in others)


def without(intervals: Iterable[Interval], point: Endpoint) -> tuple[Interval, ...]:
    """Return the numbers of a set but one."""
    found: list[Interval] = []
    for interval in intervals:
        found.append(_common(interval, Interval(_LOWEST, point)))
        found.append(_common(interval, Interval(point, _HIGHEST)))
    return union(found)


def key_of(intervals: tuple[Interval, ...]) -> str | None:
    """Return the key of a set; `None` for an empty one.

    An interval has the key of the two numbers in its brackets, and a single number that of the set
    of it.
    """
    keys = [
        set_key([interval.low.key])
        if interval.low.value == interval.high.value
        else tuple_key(interval.brackets, (interval.low.key, interval.high.key))
        for interval in intervals
    ]
    if not keys:
        return None
    return keys[0] if len(keys) == 1 else union_key(keys)


def union_key(keys: Iterable[str]) -> str:
    """Return the key of a union of sets, of which the keys are given in any order."""
    return f"union:{json.dumps(sorted(keys))}"


_LOWEST = Endpoint(Decimal("-Infinity"), "")
_HIGHEST = Endpoint(Decimal("Infinity"), "")


def _compared(first: Endpoint, second: Endpoint) -> int:
    if first.value == second.value:
        return 0
    both_finite = first.value.is_finite() and second.value.is_finite()
    if both_finite and abs(first.value - second.value) < _NEARLY:
        if first.key != second.key:
            raise NotReadable
        return 0
    return -1 if first.value < second.value else 1


def _touch(first: Interval, second: Interval) -> bool:
    """Return whether two intervals, of which the first begins first, are one together."""
    order = _compared(first.high, second.low)
    return order > 0 or (order == 0 and (first.with_high or second.with_low))


def _together(first: Interval, second: Interval) -> Interval:
    order = _compared(first.high, second.high)
    high = second.high if order < 0 else first.high
    with_high = (
        first.with_high or second.with_high
        if order == 0
        else (second.with_high if order < 0 else first.with_high)
    )
    with_low = first.with_low or (second.with_low and not _compared(first.low, second.low))
    return Interval(first.low, high, with_low, with_high)


def _common(first: Interval, second: Interval) -> Interval:
    low, with_low = first.low, first.with_low
    order = _compared(first.low, second.low)
    if order < 0:
        low, with_low = second.low, second.with_low
    elif order == 0:
        low, with_low = first.low if first.low.key else second.low, with_low and second.with_low
    high, with_high = first.high, first.with_high
    order = _compared(first.high, second.high)
    if order > 0:
        high, with_high = second.high, second.with_high
    elif order == 0:
        high = first.high if first.high.key else second.high
        with_high = with_high and second.with_high
    return Interval(low, high, with_low, with_high)
