"""The key of a text: its dress taken off, then the first form that the whole of it can be read as.

Owns the order of the stages and of the readers. Each reader returns the key of a text that it can
read to its last character, and `None` for every other; so an early reader must be sure of its kind.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

from atlas_mcp.atlas.comparing import under_schema
from atlas_mcp.atlas.comparing.algebra import expressions
from atlas_mcp.atlas.comparing.amounts import (
    bases,
    dates,
    money,
    numbers,
    quantities,
    ranges,
    times,
)
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import short_key, verbatim_key
from atlas_mcp.atlas.comparing.gathered import (
    complexity,
    infinity,
    lists,
    logic,
    matrices,
    no_solution,
    parts,
    points,
    sets,
)
from atlas_mcp.atlas.comparing.relations import equations, inequalities, intervals
from atlas_mcp.atlas.comparing.wording import chemistry, choices, dress, verbatim, words, yes_no

Part: TypeAlias = Callable[[str], str]
"""Returns the key of a part of a text, such as a member of a list."""

Reader: TypeAlias = Callable[[str, Asked, Part], str | None]
"""Returns the key of a text that it can read as a whole; `None` for any other.

White space in the text is single: a line break where there was one in it, otherwise a space."""

MAX_DEPTH = 10
"""Parts that are read inside one another; what lies deeper is compared as it is written."""

MAX_PARTS = 300
"""Different parts of one answer that are read; of those beyond, every character counts."""

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff\u00ad\ufe0e\ufe0f"))


def alone(read: Callable[[str, Asked], str | None]) -> Reader:
    """Return the reader that asks one for texts without parts."""

    def reader(text: str, asked: Asked, part: Part) -> str | None:
        del part
        return read(text, asked)

    return reader


READERS: tuple[Reader, ...] = (
    alone(yes_no.read),
    alone(no_solution.read),
    alone(infinity.read),
    alone(dates.read),
    alone(times.read),
    alone(chemistry.read),
    # Of their own look, and no expressions: before these.
    alone(complexity.read),
    logic.read,
    # Where a base is asked for, 1010 is no thousand.
    alone(bases.read),
    alone(numbers.read),
    alone(money.read),
    quantities.read,
    ranges.read,
    matrices.read,
    # `S = {1, 2}` and `P = (1, 2)` are no equations of two parts.
    sets.read,
    points.read_named,
    intervals.read,
    inequalities.read,
    equations.read,
    parts.read,
    points.read,
    lists.read,
    expressions.read,
)
"""The readers in their order; where none of them can read a text, its words are compared."""


def text_key(answer: str, asked: Asked) -> str:
    """Return a text that is equal for equal answers: see `READERS`."""
    text = answer.translate(_INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    # A letter stands for its option even where the options are code.
    key = choices.key(text, asked, lambda option: _key(option, asked))
    return _key(text, asked) if key is None else key


def _key(text: str, asked: Asked) -> str:
    exact = verbatim.key(text, asked)
    if exact is None:
        exact = _json_key(dress.out_of_code(text.strip()), asked)
    return _Reading(asked).key(text) if exact is None else exact


def _json_key(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is an object of JSON, by its value."""
    if not (text.startswith("{") and text.endswith("}") and '"' in text):
        return None
    try:
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_none_of_json)
    except (ValueError, RecursionError):
        return None
    # A text is another answer than the value that it spells out.
    return f"text:{under_schema.value_key(found, Asked(asked.question, {}), text_key)}"


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _none_of_json(name: str) -> object:
    raise ValueError(name)


class _Reading:
    """One answer, read into a form.

    Args:
        asked: What is known of the problem.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._known: dict[str, str] = {}
        self._depth = 0

    def key(self, text: str) -> str:
        """Return the key of the answer, or of a part of it.

        A part that several readers try is read once: without that, brackets in brackets would take
        a time that doubles with each of them.
        """
        known = self._known.get(text)
        if known is not None:
            return known
        if self._depth >= MAX_DEPTH or len(self._known) >= MAX_PARTS:
            return verbatim_key(text)
        self._depth += 1
        key = self._known[text] = short_key(self._read(dress.off(text, self._asked)))
        self._depth -= 1
        return key

    def _read(self, text: str) -> str:
        for read in READERS:
            key = read(text, self._asked, self.key)
            if key is not None:
                return key
        return words.key(text, self._asked)
