"""Small builders, and a whole run played without I/O: commands in, records out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

from atlas_mcp.atlas.budget import Budget, ExploreEffort
from atlas_mcp.atlas.commands import (
    AskOrchestrator,
    AskQuestion,
    Call,
    CompareAnswers,
    Note,
    ReadReply,
    RunSolver,
)
from atlas_mcp.atlas.events import (
    AnswersCompared,
    Event,
    ExploresPlanned,
    OrchestratorFailed,
    OrchestratorReplied,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore, FailureKind, Outcome, Remark, SolverFailure
from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Effort,
    ModelRequest,
    Reply,
    ReplyEnd,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import QuestionFailed, QuestionReplied
from atlas_mcp.atlas.questions import QuestionRequest, pose
from atlas_mcp.atlas.replies import read_reply
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.atlas.usage import FREE, Charge, Price, Usage
from atlas_mcp.atlas.workflows.registry import workflow_named
from atlas_mcp.feature_values import SchemaMode

MOST_STEPS = 400
"""Steps after which a run counts as endless: the largest of these tests takes under 100."""

Saying: TypeAlias = tuple[AssistantTurn, ReplyEnd] | SolverFailure
"""What an orchestrator does with its turn: a reply and its end, or the call fails."""


REPLY = json.dumps(
    {
        "answer": "Explore 1 rules it out.",
        "cites": [1],
        "needs_new_evidence": None,
    }
)
"""The text of a reply to a question."""


def a_model(
    name: str = "maker/m",
    *,
    price: tuple[str, str] | None = ("2", "10"),
    tools: bool = True,
    efforts: tuple[Effort, ...] = (),
    max_tokens: int = 32_000,
    images: bool = False,
    schema_mode: SchemaMode = "strict",
    schema_with_tools: bool = True,
) -> ModelSpec:
    rates = None if price is None else Price(Decimal(price[0]), Decimal(price[1]))
    return ModelSpec(
        name,
        price=rates,
        tools=tools,
        efforts=efforts,
        max_tokens=max_tokens,
        images=images,
        schema_mode=schema_mode,
        schema_with_tools=schema_with_tools,
    )


def a_solver(
    name: str = "s", *, quota: int | None = None, spec: ModelSpec | None = None
) -> SolverSpec:
    return SolverSpec(name, spec or a_model(f"maker/{name}"), quota)


def a_run(
    *solvers: SolverSpec,
    orchestrator: ModelSpec | None = None,
    workflow: str = "atlas",
    effort: ExploreEffort = "low",
    **limits: Any,
) -> RunSpec:
    """Return the settings of a run; a number for `max_cost_usd` may be written as text."""
    if isinstance(limits.get("max_cost_usd"), str):
        limits["max_cost_usd"] = Decimal(limits["max_cost_usd"])
    return RunSpec(
        workflow,
        (orchestrator or a_model("maker/boss")) if workflow_named(workflow).orchestrated else None,
        solvers or (a_solver(),),
        Budget(**limits),
        effort,
    )


def opened(*solvers: SolverSpec, problem: Problem | None = None, **settings: Any) -> RunState:
    spec = a_run(*solvers, **settings)
    return RunState.fold([Record(1, 0.0, RunOpened(problem or Problem("How many?"), spec))])


def with_outcomes(state: RunState, *outcomes: tuple[str, Outcome]) -> RunState:
    """Return a run with an ended explore for each solver and outcome."""
    plans = tuple(Planned(n, Explore(name)) for n, (name, _) in enumerate(outcomes, 1))
    events: list[Event] = [ExploresPlanned("prefetch", plans)]
    for number, (_, outcome) in enumerate(outcomes, 1):
        events += [SolverStarted(number, Decimal(0)), SolverFinished(number, outcome, Charge())]
    first = Record(1, 0.0, RunOpened(state.problem, state.spec))
    return RunState.fold(followed_by([first], *events))


def found(answer: Any = "42", *, approach: str = "Counting.", reasoning: str = "So.") -> Candidate:
    return Candidate(answer, reasoning, approach, 0.75)


def in_turn(*outcomes: Outcome) -> Callable[[RunSolver], Outcome]:
    """Return solvers of which each gives the next outcome; the last is repeated."""
    return lambda call: outcomes[min(call.intent.explore_id, len(outcomes)) - 1]


def refined(*outcomes: Outcome, workflow: str = "self-refine", max_explores: int = 8) -> Played:
    """Play a self-refine run whose calls give these outcomes; the last is repeated."""
    return play(a_run(workflow=workflow, max_explores=max_explores), solve=in_turn(*outcomes))


def remark(text: str = "The last step is wrong.", *, satisfied: bool = False) -> Remark:
    """Return the remark of a critic."""
    return Remark(text, {"satisfied": satisfied})


def failed(kind: FailureKind = "timeout", message: str = "it ended badly") -> SolverFailure:
    return SolverFailure(kind, message)


def explores(*arguments: Mapping[str, Any], tool: str = "explore") -> Saying:
    """Return a turn that calls the tool once for each of `arguments`; ids are made unique later."""
    calls = tuple(ToolCall(str(i), tool, one) for i, one in enumerate(arguments))
    return AssistantTurn("Looking further.", calls), "tool_calls"


def answers(answer: Any = "42", *, supported: bool = True, **more: Any) -> Saying:
    shape = {
        "explanation": "Both say so.",
        "answer": answer,
        "supported": supported,
        "confidence_percent": 90,
        "dissent": None,
    }
    return says(json.dumps(shape | more))


def gives_up() -> Saying:
    return answers(None, supported=False)


def says(text: str, end: ReplyEnd = "end") -> Saying:
    return AssistantTurn(text), end


def reply(text: str, end: ReplyEnd = "end", *, detail: str = "") -> Reply:
    return Reply(AssistantTurn(text), end, Charge(Usage(1, 20, 7), FREE), detail)


@dataclass
class Played:
    """A run that has been played, and what was asked of whom."""

    records: list[Record]
    calls: list[Call] = field(default_factory=list[Call])
    peak: int = 0
    live: list[RunState] = field(default_factory=list[RunState])

    @property
    def state(self) -> RunState:
        return self.live[-1]

    @property
    def end(self) -> RunFinished:
        assert self.state.finished is not None
        return self.state.finished

    @property
    def asks(self) -> list[AskOrchestrator]:
        return [call for call in self.calls if isinstance(call, AskOrchestrator)]

    @property
    def solves(self) -> list[RunSolver]:
        return [call for call in self.calls if isinstance(call, RunSolver)]

    @property
    def order(self) -> str:
        """Calls in the order they started: the orchestrator's, a solver's, for a question."""
        letters = {AskOrchestrator: "o", RunSolver: "s", AskQuestion: "q"}
        return "".join(letters[type(call)] for call in self.calls)

    def told(self, ask: int) -> str:
        """Return what the orchestrator was told before its turn `ask`, counted from 1."""
        return text_of(self.asks[ask - 1].request.turns[-1])


def play(
    spec: RunSpec,
    *sayings: Saying,
    solve: Callable[[RunSolver], Outcome] = lambda command: found(),
    pick: Callable[[int], int] = lambda count: 0,
    price: Callable[[Decimal], Decimal | None] = lambda hold: hold / 10,
    meanwhile: Callable[[RunState], Event | None] = lambda state: None,
    problem: Problem | None = None,
    go_on_from: Sequence[Record] = (),
) -> Played:
    """Play a run to its end.

    Args:
        spec: Its settings.
        sayings: The orchestrator's turns; the last one is repeated for ever.
        solve: What a solver's call gives.
        pick: Which of so many open calls ends next.
        price: What a call costs, by its hold.
        meanwhile: An event that arrives by itself; asked after every result.
        problem: The question.
        go_on_from: Records of a run to go on with, in place of opening one.
    """
    records = list(go_on_from) or [Record(1, 0.0, RunOpened(problem or Problem("How many?"), spec))]
    run = Played(records, live=[RunState.fold(records)])
    open_calls: list[Call] = []

    def add(event: Event) -> None:
        record = Record(run.state.seq + 1, float(run.state.seq), event)
        run.records.append(record)
        run.live.append(run.state.apply(record))

    for _ in range(MOST_STEPS):
        commands = next_commands(run.state)
        for command in commands:
            if isinstance(command, Note):
                add(command.event)
            elif isinstance(command, ReadReply):
                add(read_reply(run.state, command))
            elif isinstance(command, CompareAnswers):
                add(AnswersCompared(command.explore_ids))
            else:
                add(command.intent)
                run.calls.append(command)
                open_calls.append(command)
        run.peak = max(run.peak, len(open_calls))
        if commands:
            continue
        if not open_calls:
            assert is_at_rest(run.state), f"the run hangs after {run.order}"
            return run
        call = open_calls.pop(pick(len(open_calls)) % len(open_calls))
        add(_result(call, run, sayings, solve, price(call.intent.hold_usd)))
        arrived = meanwhile(run.state)
        if arrived is not None:
            add(arrived)
    raise AssertionError(f"the run does not end: {run.order}")


def _result(
    call: Call,
    run: Played,
    sayings: Sequence[Saying],
    solve: Callable[[RunSolver], Outcome],
    cost: Decimal | None,
) -> Event:
    usage = Usage(1, 100, 50, 10, 5)
    if isinstance(call, AskQuestion):
        said = sayings[-1] if sayings else says(REPLY)
        if isinstance(said, SolverFailure):
            return QuestionFailed(call.intent.number, said, Charge(usage, cost))
        return QuestionReplied(call.intent.number, *said, "", Charge(usage, cost))
    if isinstance(call, RunSolver):
        return SolverFinished(call.intent.explore_id, solve(call), Charge(usage, cost))
    turn = call.intent.turn
    saying = sayings[min(turn, len(sayings)) - 1] if sayings else answers()
    if isinstance(saying, SolverFailure):
        return OrchestratorFailed(turn, saying, Charge(usage, cost))
    said, end = saying
    named = tuple(replace(one, id=f"t{turn}-{one.id}") for one in said.tool_calls)
    return OrchestratorReplied(turn, AssistantTurn(said.text, named), end, "", Charge(usage, cost))


def posed(
    run: Played, question: str = "Why not 17?", *, driven: bool = False, **more: Any
) -> list[Record]:
    """Return the records of a run with a question posed at their end; all as they were for none."""
    events = pose(run.state, QuestionRequest(question, **more), driven=driven)
    return followed_by(run.records, *events)


def questioned(run: Played, reply: Saying | None = None, question: str = "Why not 17?") -> Played:
    """Return a run that was asked a question, and went on to the reply."""
    return play(run.state.spec, reply or says(REPLY), go_on_from=posed(run, question))


def followed_by(records: Sequence[Record], *events: Event, at: float | None = None) -> list[Record]:
    """Return the records with `events` after them, all at one time: by default that of the last."""
    added = (
        Record(seq, records[-1].at if at is None else at, event)
        for seq, event in enumerate(events, start=len(records) + 1)
    )
    return [*records, *added]


def text_of(turn: Turn) -> str:
    assert isinstance(turn, UserTurn)
    return "\n".join(part.text for part in turn.parts if isinstance(part, Text | ToolResult))


def results_of(turns: Sequence[Turn]) -> list[ToolResult]:
    """Return the answers to tool calls in a conversation, in order."""
    parts = [part for turn in turns if isinstance(turn, UserTurn) for part in turn.parts]
    return [part for part in parts if isinstance(part, ToolResult)]


def words_of(request: ModelRequest) -> str:
    """Return everything a request says, as one text to search in."""
    return repr(request)
