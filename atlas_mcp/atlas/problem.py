"""The question a run is about: its text, its pictures and the shape its answer must have.

Owns the rules a question must keep. Bad input is refused here, before anything is spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlas_mcp.atlas.answer_schema import check_answer_schema
from atlas_mcp.atlas.messages import Image, Json
from atlas_mcp.errors import InvalidInput

MAX_PROBLEM_BYTES = 400_000
"""Longest problem text, bytes of UTF-8: about 100,000 tokens, a tenth of current contexts."""


FREE_TEXT = frozenset({"type", "title", "description", "minLength", "maxLength", "examples"})
"""What the schema of a text may say while its answers are compared by their meaning."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The question, as every solver sees it.

    Attributes:
        text: The question itself.
        images: Pictures that belong to it, in order.
        answer_schema: JSON Schema the answer must fit; `None` for a string.
    """

    text: str
    images: tuple[Image, ...] = ()
    answer_schema: Mapping[str, Json] | None = None

    @property
    def takes_free_text(self) -> bool:
        """Whether its answer is text in the solver's own words."""
        schema = self.answer_schema
        return schema is None or (schema.get("type") == "string" and schema.keys() <= FREE_TEXT)


def make_problem(text: str, *, answer_schema: object = None) -> Problem:
    """Return a checked `Problem` without pictures, which are added once they have been read.

    Args:
        text: The question.
        answer_schema: A JSON Schema object, or `None`.

    Raises:
        InvalidInput: An argument breaks a rule; the message names both.
    """
    if not text.strip():
        raise InvalidInput("problem", "is empty; write the whole question into it")
    size = len(_encoded(text, "problem"))
    if size > MAX_PROBLEM_BYTES:
        raise InvalidInput(
            "problem", f"has {size:,} bytes; at most {MAX_PROBLEM_BYTES:,} are taken"
        )
    return Problem(
        text=text,
        answer_schema=None if answer_schema is None else check_answer_schema(answer_schema),
    )


def _encoded(text: str, argument: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(argument, f"is not valid Unicode at character {error.start}") from error
