"""The names of calls in the ledger of their run, and the events that announce and end them."""

from __future__ import annotations

from typing import TypeAlias

from atlas_mcp.atlas.events import (
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.question_events import QuestionAsked, QuestionFailed, QuestionReplied

CallIntent: TypeAlias = SolverStarted | OrchestratorAsked | QuestionAsked
"""The events that announce a call."""

CallEnd: TypeAlias = (
    SolverReplied
    | SolverFinished
    | OrchestratorReplied
    | OrchestratorFailed
    | QuestionReplied
    | QuestionFailed
)
"""The events that end a call and state its charge."""


def solver_call(explore_id: int) -> str:
    """Return the ledger's name of an explore's call, unique in its run."""
    return f"solver-{explore_id}"


def question_call(number: int) -> str:
    """Return the ledger's name of the call for a question, unique in its run."""
    return f"question-{number}"


def call_key(event: CallIntent | CallEnd) -> str:
    """Return the ledger's name of the call that `event` announces or ends, unique in its run."""
    if isinstance(event, SolverStarted | SolverReplied | SolverFinished):
        return solver_call(event.explore_id)
    if isinstance(event, QuestionAsked | QuestionReplied | QuestionFailed):
        return question_call(event.number)
    return f"orchestrator-{event.turn}"
