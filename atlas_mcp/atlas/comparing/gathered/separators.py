"""Where a text of several parts is cut: at commas, semicolons, "and", arrows, ends of lines.

Nothing is cut inside brackets, and a text whose brackets do not match is not cut at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_DEPTH = 8
"""Brackets in one another in a text that is cut."""

Separator: TypeAlias = Literal["semicolon", "line", "comma", "and", "or", "arrow"]
"""What stands between the parts."""

_CLOSING = {
    "(": ")", "[": "]", "{": "}", "\u27e8": "\u27e9", "\uff08": "\uff09", "\uff5b": "\uff5d",
    "\u2329": "\u232a", "\u3008": "\u3009",
}  # fmt: skip
_PLAIN = str.maketrans(
    "\u2329\u232a\u3008\u3009\uff08\uff09\uff5b\uff5d\uff0c\uff1b\u3001", "⟨⟩⟨⟩(){},;,"
)
_ENDS = frozenset(_CLOSING.values())
_AND = re.compile(r"\s+(?:and|und|et|&)\s+")
_CUTS: tuple[tuple[Separator, re.Pattern[str]], ...] = (
    ("semicolon", re.compile(r"\s*;\s*")),
    ("line", re.compile(r"\s*\n\s*")),
    ("arrow", re.compile(r"\s*(?:→|⟶|⇒|->|-->|=>)\s*")),
    ("comma", re.compile(r"\s*,\s*")),
    ("and", _AND),
    ("or", re.compile(r"\s+(?:or|oder|ou)\s+")),
)
_LAST = re.compile(r"\s*,?\s+(?:and|und|et|&)\s+")
_BEFORE_LAST = re.compile(r"(?:and|und|et|&)\s+")
_BULLET = re.compile(r"[-*\u2022\u2013]\s+")


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in its parts.

    Attributes:
        by: What stood between them.
        parts: The parts, trimmed.
        tight: Whether commas stood without a space after them.
    """

    by: Separator
    parts: tuple[str, ...]
    tight: bool = False


def enclosed(text: str) -> tuple[str, str] | None:
    """Return the opening bracket that stands around the whole of a text, and the text in it."""
    text = text.strip().translate(_PLAIN)
    closing = _CLOSING.get(text[:1])
    if closing is None or not text.endswith(closing):
        return None
    levels = _levels(text)
    if levels is None or 0 in levels[:-1]:
        return None
    return text[0], text[1:-1].strip()


def cut(text: str) -> Cut | None:
    """Return a text in its parts; `None` of a text that is one, or whose brackets do not match."""
    text = text.strip().translate(_PLAIN)
    levels = _levels(text)
    if levels is None:
        return None
    for by, pattern in _CUTS:
        found = [match for match in pattern.finditer(text) if levels[match.start()] == 0]
        if by == "comma" and found:
            return _at_commas(text, levels, found)
        if found:
            return _made(by, _between(text, found))
    return None


def _at_commas(text: str, levels: list[int], found: list[re.Match[str]]) -> Cut | None:
    joined = [match for match in _AND.finditer(text) if levels[match.start()] == 0]
    if joined and not any(match[0][-1].isspace() for match in found):
        foreign = joined[0][0].strip() in {"und", "et"}
        if foreign or joined[0].start() < found[-1].start():
            # `1,5 und 2,5`: two numbers with their decimal commas, or with thousands.
            return _made("and", _between(text, joined))
    spaced = [match for match in found if match[0][-1].isspace()]
    # Beside commas with a space, one without is part of a number or of a name.
    places = spaced or found
    parts = _between(text, places)
    start = places[-1].end()
    word = _BEFORE_LAST.match(parts[-1])
    if word is not None:
        parts[-1] = parts[-1][word.end() :]
    else:
        last = [match for match in _LAST.finditer(text, start) if levels[match.start()] == 0]
        if len(last) > 1:
            return None
        if last:
            parts[-1:] = [text[start : last[0].start()], text[last[0].end() :]]
    return _made("comma", parts, tight=not spaced)


def _made(by: Separator, parts: list[str], *, tight: bool = False) -> Cut | None:
    if by == "line":
        parts = [_BULLET.sub("", part.rstrip(" ,;"), count=1) for part in parts]
    if by in {"semicolon", "comma"} and len(parts) > 2 and not parts[-1].strip():
        parts.pop()
    trimmed = tuple(part.strip() for part in parts)
    return Cut(by, trimmed, tight) if len(trimmed) > 1 and all(trimmed) else None


def _between(text: str, places: list[re.Match[str]]) -> list[str]:
    starts = [0, *(match.end() for match in places)]
    ends = [*(match.start() for match in places), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _levels(text: str) -> list[int] | None:
    """Return how many brackets are open after each sign; `None` where they do not match."""
    waiting: list[str] = []
    levels: list[int] = []
    for sign in text:
        if sign in _CLOSING:
            waiting.append(_CLOSING[sign])
            if len(waiting) > MAX_DEPTH:
                return None
        elif sign in _ENDS and (not waiting or waiting.pop() != sign):
            return None
        levels.append(len(waiting))
    return None if waiting else levels
