"""The keys of the forms that several readers share: a number has one key, however it was written.

A key begins with the kind of its form and a colon, so that forms of two kinds are never the same.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from fractions import Fraction

KEY_CHARS = 100
"""Characters of the longest key that is kept as text; of a longer one its digest is kept."""

_LARGE = 10**1_000


def number_key(value: Fraction) -> str:
    """Return the key of a number."""
    return f"number:{value}"


def exact_number(value: float) -> str:
    """Return a number of JSON by its value, taken from its digits: 0.1 is a tenth."""
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGE else hex(value)
    if not math.isfinite(value):
        return repr(value)
    found = Fraction(repr(value))
    return exact_number(found.numerator) if found.denominator == 1 else str(found)


def is_number(key: str) -> bool:
    """Return whether a key is that of a number."""
    return key.startswith("number:")


def words_key(words: str) -> str:
    """Return the key of text that is compared as words: folded and trimmed by its reader."""
    return f"words:{words}"


def verbatim_key(text: str) -> str:
    """Return the key of text of which every character counts."""
    return f"verbatim:{text}"


def set_key(keys: Iterable[str]) -> str:
    """Return the key of a set: the keys of its members, in any order, once or more often."""
    return f"set:{json.dumps(sorted(set(keys)))}"


def sequence_key(keys: Iterable[str]) -> str:
    """Return the key of a sequence: the keys of its members in their order, without brackets."""
    return f"sequence:{json.dumps(list(keys))}"


def tuple_key(brackets: str, keys: Iterable[str]) -> str:
    """Return the key of what stands in a pair of brackets: a point, an interval, a vector.

    Args:
        brackets: The two brackets; `()` has one key for a point and for an open interval.
        keys: The keys of the members, in their order.
    """
    return f"tuple{brackets}:{json.dumps(list(keys))}"


def short_key(key: str) -> str:
    """Return a key, or the digest of a long one."""
    if len(key) <= KEY_CHARS:
        return key
    return f"blake2b:{hashlib.blake2b(key.encode(errors='surrogatepass')).hexdigest()}"
