"""Infinity with its sign, and the infinite cardinal numbers.

Without a sign it is that of the real numbers where the question is about them; elsewhere it may be
the one point that the complex numbers are completed with, so it stays apart from `+∞`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked

_INFINITY = re.compile(
    r"(?P<sign>[-+\u2212]|\\[+-]|(?:negative|minus|positive|plus)\b)? ?"
    r"(?:∞|\\infty|infinity|unendlich)",
    re.IGNORECASE,
)
_WORDED_SIGN = {
    "negative": "-", "minus": "-", "-": "-", "\u2212": "-", "positive": "+", "plus": "+", "+": "+",
}  # fmt: skip
_ALEPH = re.compile(
    r"(?:\\aleph|ℵ|aleph)[ _-]?"
    r"(?:\{(?P<braced>\d{1,3})\}|(?P<bare>\d|[₀-₉]|(?:null|nought|zero)\b))",
    re.IGNORECASE,
)
_REAL = re.compile(
    r"\breal|\breelle|\blimit\b|\\lim\b|\blim\b|\bintegral\b|\\int\b|\bsum\b|\bseries\b"
    r"|\bsup(?:remum)?\b|\binf(?:imum)?\b|\bdiverge|grenzwert",
    re.IGNORECASE,
)
_NOT_REAL = re.compile(r"\bcomplex\b|\briemann sphere\b|\bprojective\b|\bcardinal", re.IGNORECASE)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is an infinity."""
    if len(text) > 40:
        return None
    text = text.rstrip(".")
    match = _INFINITY.fullmatch(text)
    if match is not None:
        sign = _WORDED_SIGN[(match["sign"] or "+").casefold().lstrip("\\")]
        if match["sign"] is None and not _over_the_reals(asked.question):
            sign = ""
        return f"infinity:{sign}"
    if text in {"oo", "inf", "+inf", "-inf"} and _over_the_reals(asked.question):
        return "infinity:-" if text == "-inf" else "infinity:+"
    match = _ALEPH.fullmatch(text)
    if match is None:
        return None
    if match["braced"]:
        return f"aleph:{int(match['braced'])}"
    return f"aleph:{unicodedata.digit(match['bare'], 0) if len(match['bare']) == 1 else 0}"


@lru_cache(maxsize=64)
def _over_the_reals(question: str) -> bool:
    return _REAL.search(question) is not None and _NOT_REAL.search(question) is None
