"""What the comparison of answers knows of the problem that they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from atlas_mcp.atlas.messages import Json

MAX_QUESTION_CHARS = 20_000
"""Characters of a question that are read for what it decides: its beginning, and its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The problem, as far as it decides which answers are the same.

    Attributes:
        question: Its text, of a long one the beginning and the end; empty where it is not known.
        schema: The JSON Schema of its answers; `None` for text.
    """

    question: str = ""
    schema: Mapping[str, Json] | None = field(default=None, hash=False)

    @staticmethod
    def about(question: str | None, schema: Mapping[str, Json] | None = None) -> Asked:
        """Return what is known of a problem with this text and this schema."""
        text = question or ""
        if len(text) > MAX_QUESTION_CHARS:
            half = MAX_QUESTION_CHARS // 2
            text = f"{text[:half]}\n{text[-half:]}"
        return Asked(text, schema)


NOTHING_ASKED = Asked()
"""What is known without a problem."""
