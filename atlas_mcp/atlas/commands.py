"""Commands: the next steps that a policy asks for, as values.

Owns their shapes alone. A policy decides on them, an engine carries them out, and `atlas.calls`
makes an event of the end of a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from atlas_mcp.atlas.comparing.algebra.nodes import Node
from atlas_mcp.atlas.events import Event, OrchestratorAsked, SolverStarted
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.question_events import QuestionAsked


@dataclass(frozen=True, slots=True)
class Note:
    """Record an event; nothing else is to be done for it."""

    event: Event


@dataclass(frozen=True, slots=True)
class ReadReply:
    """Read a recorded reply with `atlas.replies`, and record the event that this returns.

    Attributes:
        explore_id: The explore whose reply it is; `None` for the orchestrator's last.
        question: The number of the question whose reply it is instead; `None` for none.
    """

    explore_id: int | None
    question: int | None = None


@dataclass(frozen=True, slots=True)
class CompareAnswers:
    """Have a computer algebra system look at answers, and record an `AnswersCompared`.

    Where there is no such system here, that is recorded: the run goes on as without it.

    Attributes:
        explore_ids: The explores whose answers they are.
        expressions: Their answers, in this order.
        pairs: The answers that may be the same, by their places.
    """

    explore_ids: tuple[int, ...]
    expressions: tuple[Node, ...]
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RunSolver:
    """Record `intent`, then ask the solver and record what comes of it.

    Attributes:
        intent: The event to record before the first attempt.
        explore: The explore.
        request: The request to the solver.
        attempt: 1 for the first; the intent of a later one is on record.
        not_before: Unix seconds before which the attempt is not made.
    """

    intent: SolverStarted
    explore: Explore
    request: ModelRequest
    attempt: int = 1
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class AskOrchestrator:
    """Record `intent`, then ask the orchestrator and record its reply.

    Attributes:
        intent: The event to record before the first attempt.
        request: The request to the orchestrator.
        attempt: 1 for the first; the intent of a later one is on record.
        not_before: Unix seconds before which the attempt is not made.
    """

    intent: OrchestratorAsked
    request: ModelRequest
    attempt: int = 1
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class AskQuestion:
    """Record `intent`, then put a question about the run to its model and record the reply.

    Attributes:
        intent: The event to record before the first attempt.
        request: The request.
        attempt: 1 for the first; the intent of a later one is on record.
        not_before: Unix seconds before which the attempt is not made.
    """

    intent: QuestionAsked
    request: ModelRequest
    attempt: int = 1
    not_before: float = 0.0


Call: TypeAlias = RunSolver | AskOrchestrator | AskQuestion
"""A command that is carried out by calling a model."""

Work: TypeAlias = ReadReply | CompareAnswers
"""A command that is carried out here, and may take long; the event that it gives is recorded."""

Command: TypeAlias = Note | Work | Call
