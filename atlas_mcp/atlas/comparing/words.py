"""Text that is none of the forms: compared word by word."""

from __future__ import annotations

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import words_key


def key(text: str, asked: Asked) -> str:
    """Return the key of any text."""
    del asked
    return words_key(" ".join(text.split()).casefold())
