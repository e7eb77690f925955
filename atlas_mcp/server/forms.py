"""What a tool's result is for, and so what it holds and how long it may be.

Some clients hand their model the text of a result and drop the structure, others the other way
round, so both are held to the same length. A model reads every result again with every request that
follows.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.atlas.view import RunView

FIELD_CHARS = (4_000, 2_000, 1_000, 500, 250, 125, 62, 31)
"""Characters of a candidate's text; the first of these that makes the whole small enough is taken,
and below the last none is cut before its neighbours are left out."""

MAX_NOTES = 8
"""Warnings in a result."""


@dataclass(frozen=True, slots=True)
class Form:
    """How much of a run a result holds.

    Attributes:
        chars: Most characters of the text, and of the structure as JSON; only the answer of a run
            makes it longer.
        fields: What the structure tells of a candidate beside its number, its solver and whether
            it failed.
    """

    chars: int
    fields: tuple[str, ...]


POLL = Form(1_000, ("answer", "error"))
"""A run that goes on: what is new. So few explores are told of at once that none is left out for
want of room. Source: the contract, about 300 tokens of at least three characters."""

SYNTHESIS = Form(3_600, ("strategy", "answer", "confidence", "error"))
"""An answer: what has been synthesized stands in the run's resource. Source: the contract, about
1,200 tokens of at least three characters."""

EVIDENCE = Form(
    10_000,
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
