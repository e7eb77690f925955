r"""The dress of an answer: Markdown, quotes, `\boxed`, "The answer is", a full stop at the end.

Takes off only what encloses the whole text in pairs, or introduces the whole of it.
"""

from __future__ import annotations

from atlas_mcp.atlas.comparing.asked import Asked

_BOXED = "\\boxed{"


def off(text: str, asked: Asked) -> str:
    """Return a text without its dress, its white space single."""
    del asked
    start, end = text.find(_BOXED), text.rfind("}")
    if 0 <= start < end:
        text = text[start + len(_BOXED) : end]
    return " ".join(text.strip("$`*_ \n").rstrip(".").split())
