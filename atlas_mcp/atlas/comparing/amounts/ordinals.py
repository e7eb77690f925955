"""Ordinals with digits and in English words: `3rd`, the third, the third place."""

from __future__ import annotations

import re

from atlas_mcp.atlas.comparing.amounts import number_questions, number_words
from atlas_mcp.atlas.comparing.asked import Asked

_ORDINAL = re.compile(r"(?:the )?(\d{1,6})(st|nd|rd|th)((?: [a-z]{3,15}){0,2})", re.IGNORECASE)
_ORDINAL_WORDS = re.compile(r"(?:the )?([a-z]+(?:[- ][a-z]+)?)", re.IGNORECASE)
_ORDINAL_NOUN = re.compile(
    r"(?:the )?([a-z]+(?:-[a-z]+)?)((?: (?:place|position|floor|grade|row|term|letter|digit|prime"
    r"|president|amendment|planet|month|day|week|year|quadrant|quarter|person|book|act|edition"
    r"|element|power|derivative|order|degree|chapter|season|door|house|man|number|one)))",
    re.IGNORECASE,
)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is an ordinal as a whole."""
    match = _ORDINAL.fullmatch(text)
    if match is not None:
        number = int(match[1])
        fits = match[2].casefold() == _suffix(number)
        return f"ordinal:{number}:{match[3].casefold().strip()}" if fits else None
    if number_questions.asks_share(asked.question):
        # A third of the cake.
        return None
    match = _ORDINAL_NOUN.fullmatch(text) or _ORDINAL_WORDS.fullmatch(text)
    if match is None:
        return None
    value = number_words.ordinal(match[1])
    noun = match[2].casefold().strip() if match.re is _ORDINAL_NOUN else ""
    return None if value is None else f"ordinal:{value}:{noun}"


def _suffix(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
