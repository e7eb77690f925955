"""A loopback Messages API that plays a whole ATLAS run: orchestrator and solvers.

It tells the two apart by their requests: those of the orchestrator have a tool.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from atlas_mcp.testing.replies import ApiReply, Call, Fault


def candidate_text(answer: object, *, approach: str = "Adds the parts.", percent: int = 80) -> str:
    """Return a solver's reply."""
    return json.dumps(
        {
            "approach": approach,
            "justification": "First this, then that.",
            "answer": answer,
            "confidence_percent": percent,
        }
    )


def synthesis_text(answer: object, *, supported: bool = True) -> str:
    """Return the orchestrator's last reply."""
    return json.dumps(
        {
            "explanation": "Two candidates agree by different methods.",
            "answer": answer,
            "supported": supported,
            "confidence_percent": 90,
            "dissent": None,
            "same_answers": [],
        }
    )


@dataclass(slots=True)
class AtlasPlay:
    """A responder for `MessagesApi`.

    Attributes:
        solver: Returns the n-th solver's reply, n from 0.
        orchestrator: Replies by turn; the last one is repeated.
        solvers_asked: The number of solver calls so far.
        turns_asked: The number of orchestrator calls so far.
    """

    solver: Callable[[int], ApiReply | Fault] = field(
        default=lambda n: ApiReply(text=candidate_text("42"))
    )
    orchestrator: Sequence[ApiReply | Fault] = (ApiReply(text=synthesis_text("42")),)
    solvers_asked: int = 0
    turns_asked: int = 0

    def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
        """Return the outcome of one request."""
        if body.get("tools"):
            turn = min(self.turns_asked, len(self.orchestrator) - 1)
            self.turns_asked += 1
            return self.orchestrator[turn]
        self.solvers_asked += 1
        return self.solver(self.solvers_asked - 1)


def explores(*arguments: dict[str, Any], thinking: str | None = "Weighing.") -> ApiReply:
    """Return an orchestrator's turn that asks for explores."""
    calls = tuple(Call("explore", arguments=one) for one in arguments)
    return ApiReply(text="More evidence is needed.", calls=calls, thinking=thinking)
