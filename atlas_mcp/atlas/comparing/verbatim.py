"""Answers of which every character counts: code, and what the question says is to be exact."""

from __future__ import annotations

import re

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import verbatim_key

_INDENTED = re.compile(r"\n[ \t]+\S")


def key(text: str, asked: Asked) -> str | None:
    """Return the key of a text of which every character counts; `None` for any other."""
    del asked
    if _INDENTED.search(text):
        # Code: two programs may differ in nothing but indentation or case.
        return verbatim_key(text)
    return None
