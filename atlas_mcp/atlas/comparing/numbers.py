"""Numbers in the ways in which people and models write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import number_key

MAX_EXPONENT = 999
"""Largest power of ten that is worked out."""

_NUMBER = re.compile(
    r"\$?\s*([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d{1,3})?)\s*(?P<percent>%?)",
    re.IGNORECASE,
)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a number as a whole."""
    del asked
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    try:
        value = Decimal(match[1].replace(",", ""))
    except InvalidOperation:
        return None
    return number_key(Fraction(value)) + match["percent"]
