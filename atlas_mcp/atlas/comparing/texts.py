"""The key of a text: its dress taken off, then the first form that the whole of it can be read as.

The readers stand in the order in which they are asked. Each returns the key of a text that it can
read to its last character, and `None` for every other; so an early reader must be sure of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from atlas_mcp.atlas.comparing import numbers, words
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import verbatim_key

Reader: TypeAlias = Callable[[str, Asked], str | None]
"""Returns the key of a text that it can read as a whole; `None` for any other."""

_INDENTED = re.compile(r"\n[ \t]+\S")
_BOXED = "\\boxed{"

READERS: tuple[Reader, ...] = (numbers.read,)
"""The readers in their order; where none of them can read a text, its words are compared."""


def text_key(answer: str, asked: Asked) -> str:
    """Return a text that is equal for equal answers: see `READERS`."""
    text = answer.strip()
    if _INDENTED.search(text):
        # Code: two programs may differ in nothing but indentation or case.
        return verbatim_key(text)
    start, end = text.find(_BOXED), text.rfind("}")
    if 0 <= start < end:
        text = text[start + len(_BOXED) : end]
    text = " ".join(text.strip("$`*_ \n").rstrip(".").split())
    for read in READERS:
        key = read(text, asked)
        if key is not None:
            return key
    return words.key(text, asked)
