"""How much of a text stands on a page, and the note where more was left out.

What a model writes to be read is shown whole; a reply of a million characters is not. Texts are cut
before they are worked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.texts import answer_start, one_line, printable, without_logins

MAX_TEXT_CHARS = 100_000
"""Characters of one text on a page. Our own choice: three times the longest justification seen."""

MAX_TEXTS_CHARS = 4_000_000
"""Characters of all candidates' texts on a page together."""

REPEATED_CHARS = 4_000
"""Characters of a text that stands on the page a second time: the whole is with its candidate."""

NAME_CHARS = 200
"""Characters of the name of a model or a solver."""

LEFT_OUT = "\n[… {left:,} of {count:,} characters are left out here: {where}]"
"""Stands at the end of a text that was cut."""

WHERE = "`atlas-mcp runs show {run_id}` has all of them"

IN_THE_FILE = "the file of the run has all of them"
"""For a run that this machine need not have."""


def name(text: str) -> str:
    """Return the name of a model or a solver as a page has it: anybody may have written a file."""
    return one_line(text, NAME_CHARS)


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound of each text on the page of one run, and where the whole of a text is.

    Attributes:
        chars: Characters of one text.
        where: Where the rest is, in words.
    """

    chars: int
    where: str

    def shown(self, text: str) -> str:
        """Return a text that is not ours as a page has it: printable, cut where it is too long."""
        left = len(text) - self.chars
        if left <= 0:
            return printable(without_logins(text))
        note = LEFT_OUT.format(left=left, count=len(text), where=self.where)
        return printable(without_logins(text[: self.chars])) + note

    def optional(self, text: str | None) -> str | None:
        """Return a text as a page has it; `None` for none and for an empty one."""
        return self.shown(text) if text else None

    def value(self, answer: Json) -> Json:
        """Return an answer as a value; `None` for one that is too long to stand on a page."""
        if len(answer_start(answer, self.chars)) > self.chars:
            return None
        return printable_value(answer)

    def answer(self, answer: object) -> str:
        """Return an answer as text."""
        start = answer_start(answer, self.chars)
        if len(start) <= self.chars or isinstance(answer, str):
            return self.shown(answer if isinstance(answer, str) else start)
        cut = f"\n[… the rest is left out here: {self.where}]"
        return printable(start[: self.chars]) + cut


REPEATED = Bound(REPEATED_CHARS, "they stand with its candidate")
"""The bound of texts that stand on the page a second time."""


def printable_value(value: Json) -> Json:
    """Return a JSON value in which every text is printable, names included."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Json]", value)
        return {printable(name): printable_value(one) for name, one in named.items()}
    if isinstance(value, list | tuple):
        return [printable_value(one) for one in cast("Sequence[Json]", value)]
    return value


def bound_of(run_id: str, texts: Iterable[str], *, here: bool = True) -> Bound:
    """Return the bound for the page of a run.

    Args:
        run_id: The run.
        texts: The texts of its candidates.
        here: Whether it is in the journal, and not in a file alone.
    """
    sizes = [min(len(text), MAX_TEXT_CHARS) for text in texts]
    chars = MAX_TEXT_CHARS
    if sum(sizes) > MAX_TEXTS_CHARS:
        chars = MAX_TEXTS_CHARS // len(sizes)
    return Bound(chars, WHERE.format(run_id=run_id) if here else IN_THE_FILE)
