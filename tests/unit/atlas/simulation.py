"""A whole run without I/O: commands become records, by the rules of a scripted world."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from atlas_mcp.atlas.budget import Budget, ExploreEffort
from atlas_mcp.atlas.events import (
    Event,
    ExploringClosed,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    RunOpened,
    SolverFinished,
    decode_event,
    encode_event,
)
from atlas_mcp.atlas.explore import Candidate, Outcome, SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Stop, ToolCall
from atlas_mcp.atlas.policy import AskOrchestrator, Note, RunSolver, next_commands
from atlas_mcp.atlas.pool import ModelSpec, RunSpec, SolverSpec
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Price, Usage

PRICE = Price(input=Decimal(2), output=Decimal(10))
MODEL = ModelSpec("anthropic/claude-test", price=PRICE, efforts=("low", "high"), images=True)
SOLVER = SolverSpec("main", MODEL)


def spec_of(
    *,
    solvers: Sequence[SolverSpec] = (SOLVER,),
    orchestrator: ModelSpec = MODEL,
    effort: ExploreEffort = "low",
    **budget: Any,
) -> RunSpec:
    return RunSpec("atlas", orchestrator, tuple(solvers), Budget(**budget), explore_effort=effort)


def candidate(answer: str = "42", approach: str = "Adds.") -> Candidate:
    return Candidate(answer, "Because.", approach, 0.8)


@dataclass(frozen=True)
class Says:
    """One turn of the orchestrator."""

    text: str = ""
    calls: Sequence[dict[str, Any]] = ()
    stop: Stop = "end"
    name: str = "explore"


def answers(answer: object = "42", *, supported: bool = True) -> Says:
    return Says(
        json.dumps(
            {
                "explanation": "They agree.",
                "answer": answer,
                "supported": supported,
                "confidence_percent": 90,
                "dissent": None,
            }
        )
    )


def wants(*arguments: dict[str, Any]) -> Says:
    return Says("More.", calls=arguments, stop="tool_calls")


@dataclass
class World:
    """What solvers and orchestrator do, and what was asked of them.

    Attributes:
        solver: The outcome of an explore, by its number.
        orchestrator: Turns, the last one repeated; a `SolverFailure` is a failed call.
        cost: The share of its hold that a call costs.
        order: Picks which of the open calls ends next, by index.
    """

    solver: Callable[[int], Outcome] = field(default=lambda number: candidate())
    orchestrator: Sequence[Says | SolverFailure] = field(default_factory=lambda: [answers()])
    cost: Callable[[], Decimal | None] = field(default=lambda: Decimal("0.01"))
    order: Callable[[int], int] = field(default=lambda count: 0)
    close_after: int | None = None
    records: list[Record] = field(default_factory=list[Record])
    solver_requests: list[ModelRequest] = field(default_factory=list[ModelRequest])
    asks: list[AskOrchestrator] = field(default_factory=list[AskOrchestrator])
    most_open: int = 0
    story: list[str] = field(default_factory=list[str])

    def run(self, spec: RunSpec, problem: str = "How many?") -> RunState:
        """Play the run to its end and return its state."""
        first = Record(1, 0.0, RunOpened(make_problem(problem), spec))
        self.records = [first]
        state = RunState.fold([first])
        open_calls: list[RunSolver | AskOrchestrator] = []
        for _ in range(2_000):
            commands = next_commands(state)
            for command in commands:
                if isinstance(command, Note):
                    state = self._record(state, command.event)
                    continue
                state = self._record(state, command.intent)
                open_calls.append(command)
                self._notice(command)
            self.most_open = max(self.most_open, len(open_calls))
            if state.finished is not None and not open_calls:
                return state
            if not commands and open_calls:
                ended = open_calls.pop(self.order(len(open_calls)) % (len(open_calls) or 1))
                state = self._record(state, self._result(ended))
                if self.close_after is not None and len(self.records) > self.close_after:
                    self.close_after = None
                    state = self._record(state, ExploringClosed())
            elif not commands:
                raise AssertionError(f"the run hangs after {self.story}")
        raise AssertionError("the run does not end")

    def _record(self, state: RunState, event: Event) -> RunState:
        record = Record(state.seq + 1, float(state.seq), decode_event(encode_event(event)))
        self.records.append(record)
        return state.apply(record)

    def _notice(self, command: RunSolver | AskOrchestrator) -> None:
        if isinstance(command, RunSolver):
            self.solver_requests.append(command.request)
            self.story.append(f"solve {command.intent.explore_id}")
        else:
            self.asks.append(command)
            self.story.append("ask")

    def _result(self, command: RunSolver | AskOrchestrator) -> Event:
        usage = Usage(1, 100, 50)
        hold = command.intent.hold_usd
        wanted = self.cost()
        cost = None if wanted is None else min(wanted, hold)
        if isinstance(command, RunSolver):
            number = command.intent.explore_id
            return SolverFinished(number, self.solver(number), usage, cost)
        turn = command.intent.turn
        says = self.orchestrator[min(len(self.asks), len(self.orchestrator)) - 1]
        if isinstance(says, SolverFailure):
            return OrchestratorFailed(turn, says, usage, cost)
        calls = tuple(
            ToolCall(f"call-{turn}-{i}", says.name, one) for i, one in enumerate(says.calls)
        )
        return OrchestratorReplied(
            turn, AssistantTurn(says.text, calls), says.stop, "", usage, cost
        )


def named(name: str, model: str, quota: int | None = None) -> SolverSpec:
    return SolverSpec(name, replace(MODEL, model=f"anthropic/{model}"), quota)


FailureWord = Literal["timeout", "rejected", "unavailable", "refused"]


def failure(kind: FailureWord = "timeout") -> SolverFailure:
    return SolverFailure(kind, f"it ended with {kind}")
