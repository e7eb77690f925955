"""Reading which candidates an orchestrator says give the same answer.

Owns the step from that field of its synthesis, whatever is written there, to sets of numbers.
Nothing in it makes a synthesis unusable: what cannot be read is left out. Which of the numbers have
a candidate is for the reader of the sets.
"""

from __future__ import annotations

import re
from typing import cast

from atlas_mcp.atlas.budget import MAX_EXPLORES_CEILING
from atlas_mcp.atlas.messages import Json

OWN_ANSWER = 0
"""The number that the synthesized answer has among those of the candidates."""

_NUMBER = re.compile(r"\s*(?:candidate|explore|number)?\s*#?\s*([0-9]{1,4})\s*", re.IGNORECASE)
"""A number as text, as in "2", "#2" or "Candidate 2"."""

_MAX_TEXT_CHARS = 40
"""Characters of a number as text, in any of its forms."""

_MAX_NUMBER = 9_999
"""The largest number of an explore. Explores that never ran have numbers too."""


def read_same_answers(written: Json) -> tuple[frozenset[int], ...]:
    """Return sets of two or more numbers, of candidates or `OWN_ANSWER`; none where none is there.

    Args:
        written: Lists of numbers by the schema. A single list of numbers reads as one set.
    """
    if not isinstance(written, list):
        return ()
    # There are no more candidates than that, in a set or in all sets together.
    items = cast("list[Json]", written)[:MAX_EXPLORES_CEILING]
    if not any(isinstance(item, list | dict) for item in items):
        items = [items]
    found = (_numbers(cast("list[Json]", item)) for item in items if isinstance(item, list))
    return tuple(numbers for numbers in found if len(numbers) > 1)


def _numbers(written: list[Json]) -> frozenset[int]:
    found = map(_number, written[: MAX_EXPLORES_CEILING + 1])
    return frozenset(number for number in found if number is not None)


def _number(written: Json) -> int | None:
    """Return the number of an explore or `OWN_ANSWER`; `None` for anything else."""
    if isinstance(written, str):
        found = _NUMBER.fullmatch(written) if len(written) <= _MAX_TEXT_CHARS else None
        written = int(found[1]) if found else None
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    if not OWN_ANSWER <= written <= _MAX_NUMBER or written != int(written):
        return None
    return int(written)
