"""Answers to a question that lists options: their letters, their texts, or both."""

from __future__ import annotations

from atlas_mcp.atlas.comparing.asked import Asked


def key(text: str, asked: Asked) -> str | None:
    """Return the key of an answer that names options of the question; `None` for any other."""
    del text, asked
    return None
