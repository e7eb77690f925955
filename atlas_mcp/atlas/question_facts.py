"""One question about a run, as its records tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.usage import NO_CHARGE, Charge

Evidence: TypeAlias = tuple[int, int, float | None]
"""How much evidence a run has: explores with an outcome, turns of its orchestrator, the time of its
end. Two questions with the same were asked about the same evidence."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, from its acceptance to its answer.

    Attributes:
        posed: The question as it was accepted.
        posed_at: Unix seconds.
        evidence: How much evidence the run had then.
        asked: The intent of its call; `None` before it.
        asked_at: Unix seconds of the intent.
        reply: The reply of its call; `None` without one.
        outcome: The answer or the failure; `None` before it is known.
        ended_at: Unix seconds at which its call, or else the question, ended; `None` before.
        lapsed: Whether the process is gone that was to ask it: it is asked no more by itself.
        charge: The charge of its calls together.
    """

    posed: QuestionPosed
    posed_at: float
    evidence: Evidence
    asked: QuestionAsked | None = None
    asked_at: float | None = None
    reply: QuestionReplied | None = None
    outcome: QuestionAnswered | SolverFailure | None = None
    ended_at: float | None = None
    lapsed: bool = False
    charge: Charge = NO_CHARGE

    @property
    def number(self) -> int:
        """The question's number in its run."""
        return self.posed.number

    @property
    def waiting(self) -> bool:
        """Posed, and its call not announced."""
        return self.asked is None and self.outcome is None and not self.lapsed

    @property
    def in_flight(self) -> bool:
        """Announced, and its call has not ended."""
        unanswered = self.reply is None and self.outcome is None
        return self.asked is not None and unanswered and not self.lapsed

    @property
    def unread(self) -> bool:
        """Whether its reply has arrived and has not been read."""
        return self.reply is not None and self.outcome is None

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done for it."""
        return self.waiting or self.in_flight or self.unread

    @property
    def may_be_posed_again(self) -> bool:
        """Whether it was not answered and never will be by itself."""
        return isinstance(self.outcome, SolverFailure) or (self.lapsed and self.reply is None)
