"""What a tool's result is for, and so what it holds and how long it may be.

Some clients hand their model the text of a result and drop the structure, others the other way
round, so both are held to the same length. A model reads every result again with every request that
follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from atlas_mcp.texts import answer_start
from atlas_mcp.views.run_view import RunView

_LETTER, _DIGIT = re.compile("[A-Za-z \u00c0-\u2e7f]"), re.compile("[0-9]")

FIELD_CHARS = (4_000, 2_000, 1_000, 500, 250, 125, 62, 31)
"""Characters of a candidate's text; the first of these that makes the whole small enough is taken,
and below the last none is cut before its neighbours are left out."""

MAX_NOTES = 8
"""Warnings in a result."""


EARLIER_CHARS = 250
"""Characters of a text of a candidate that its reader has most likely been shown."""

SAMPLE_CHARS = 500
"""Characters of each text by which the tokens of a run are estimated."""

PROSE = 4.0
"""Characters a token of English has at least, and of what nothing else is assumed."""


@dataclass(frozen=True, slots=True)
class Form:
    """How much of a run a result holds.

    Attributes:
        tokens: Most tokens of the text, and of the structure as JSON; only the answer of a run
            makes it longer. Source: the contract.
        fields: What the structure tells of a candidate beside its number, its solver and whether
            it failed.
    """

    tokens: int
    fields: tuple[str, ...]


POLL = Form(300, ("answer", "error"))
"""A run that goes on: what is new. So few explores are told of at once that none is left out for
want of room."""

SYNTHESIS = Form(1_200, ("strategy", "answer", "confidence", "error"))
"""An answer: what has been synthesized stands in the run's resource."""

EVIDENCE = Form(
    3_200,
    (
        "effort",
        "strategy",
        "instruction",
        "answer",
        "approach",
        "reasoning",
        "confidence",
        "error",
    ),
)
"""Candidates from which the reader answers: their justifications are what it decides by."""


def form_of(view: RunView) -> Form:
    """Return what a result that shows this run is for."""
    if view.status == "running":
        return POLL
    return EVIDENCE if view.answer is None else SYNTHESIS


def chars_of(view: RunView) -> int:
    """Return how many characters a result that shows this run may have.

    Formulas and other scripts take more tokens than prose. A fifth of the tokens is left for the
    marks of JSON.
    """
    form = form_of(view)
    texts = [view.explanation or "", view.agreement.dissent or ""]
    for one in view.candidates:
        texts += [answer_start(one.answer, SAMPLE_CHARS), one.approach or ""]
        texts.append(one.reasoning or "" if form is EVIDENCE else "")
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
