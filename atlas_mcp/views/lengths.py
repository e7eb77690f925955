"""How long the result of a tool may be, and which fields it holds.

Some clients hand their model the text of a result and drop the structure, others the other way
round, so both are held to the same length. A model reads every result again with every request that
follows. The ladder of lengths that both are cut by is here, and nothing of their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from atlas_mcp.texts import answer_start
from atlas_mcp.views.run_view import RunView

_LETTER, _DIGIT = re.compile("[A-Za-z \u00c0-\u2e7f]"), re.compile("[0-9]")

_Made = TypeVar("_Made")

FIELD_CHARS = (4_000, 2_000, 1_000, 500, 250, 125, 62, 31)
"""Characters of a candidate's text, from most to least: see `first_that_fits`."""

MAX_NOTES = 8
"""Warnings in a result."""

QUICK_CHARS = 20_000
"""Characters of a run that may be shown on an event loop: a view of them, or a result, takes some
milliseconds. So does counting them, also those of values that are no texts."""

EARLIER_CHARS = 250
"""Characters of a text of a candidate that its reader has most likely been shown."""

SAMPLE_CHARS = 500
"""Characters of each text by which the tokens of a run are estimated."""

PROSE = 4.0
"""Characters that a token of English has at least; assumed of empty texts too."""


@dataclass(frozen=True, slots=True)
class Form:
    """The length and the fields of a result.

    Attributes:
        tokens: Most tokens of the text, and of the structure as JSON; only the answer of a run
            makes it longer. Source: the contract.
        fields: The fields of a candidate in the structure, beside its number, its solver and
            whether it failed.
    """

    tokens: int
    fields: tuple[str, ...]


POLL_FORM = Form(300, ("answer", "error"))
"""A run that goes on: its new explores, so few at once that all of them have room."""

ANSWER_FORM = Form(1_200, ("strategy", "role", "answer", "confidence", "error"))
"""An answer. The reasoning that it was synthesized from stands in the run's resource."""

EVIDENCE_FORM = Form(
    3_200,
    (
        "effort",
        "strategy",
        "role",
        "instruction",
        "answer",
        "approach",
        "reasoning",
        "confidence",
        "error",
    ),
)
"""Candidates from which the reader answers: it decides by their justifications."""


def first_that_fits(
    make: Callable[[int], _Made],
    fits: Callable[[_Made], bool],
    limits: Sequence[int] = FIELD_CHARS,
) -> _Made:
    """Return the longest of the results that fit, or the shortest of all where none does.

    Args:
        make: Makes a result whose candidates' texts have at most so many characters.
        fits: Tells whether a result is short enough.
        limits: The numbers of characters to try, from most to least.
    """
    made = make(limits[0])
    for limit in limits[1:]:
        if fits(made):
            break
        made = make(limit)
    return made


def is_long(texts: Iterable[object]) -> bool:
    """Return whether texts, and answers that may be other values, exceed `QUICK_CHARS` together.

    No more of a value is written down than there is room for.
    """
    left = QUICK_CHARS
    for text in texts:
        left -= len(text if isinstance(text, str) else answer_start(text, left))
        if left < 0:
            return True
    return False


def form_of(view: RunView) -> Form:
    """Return the form of a result that shows this run."""
    if view.status == "running":
        return POLL_FORM
    return EVIDENCE_FORM if view.answer is None else ANSWER_FORM


def chars_of(view: RunView) -> int:
    """Return how many characters a result that shows this run may have.

    Formulas and other scripts take more tokens than prose. A fifth of the tokens is left for the
    marks of JSON.
    """
    form = form_of(view)
    texts = [view.explanation or "", view.agreement.dissent or ""]
    for one in view.candidates:
        texts += [answer_start(one.answer, SAMPLE_CHARS), one.approach or ""]
        texts.append(one.reasoning or "" if form is EVIDENCE_FORM else "")
    sample = "".join(text[:SAMPLE_CHARS] for text in texts)
    return int(0.8 * form.tokens * chars_per_token(sample))


def chars_per_token(text: str) -> float:
    """Return about how many characters of a text make a token, at most those of English prose.

    Fitted to the tokenizer `o200k_base` (measured 2026-11-29, characters a token: English 4.7,
    German 5.0, Russian 5.7, code 1.9, formulas 1.9, Chinese 1.4, numbers 1.6).
    """
    letters = len(_LETTER.findall(text))
    digits = len(_DIGIT.findall(text))
    marks = len(text) - letters - digits
    tokens = letters / 4.4 + digits / 1.8 + marks / 1.2
    return PROSE if tokens == 0 else min(PROSE, len(text) / tokens)
