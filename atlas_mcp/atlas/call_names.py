"""The names of calls in the ledger of their run, and the events that announce and end them."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

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

CallKind: TypeAlias = Literal["solver", "orchestrator", "question"]
"""What a call is made for."""


class CallName(NamedTuple):
    """The name of a call, read.

    Attributes:
        kind: What the call is made for.
        number: The explore, the orchestrator's turn, or the question.
    """

    kind: CallKind
    number: int


def call_named(key: str) -> CallName | None:
    """Return the call that has a name in a ledger; `None` where no call is called that."""
    kind, _, number = key.rpartition("-")
    if kind not in get_args(CallKind) or not re.fullmatch("[0-9]{1,18}", number):
        return None
    return CallName(cast("CallKind", kind), int(number))


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
