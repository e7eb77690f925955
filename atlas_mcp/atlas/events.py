"""The facts of a run, typed.

A run is its list of records and nothing else: state, journal, progress, transcript and `RunView`
are folds or renderings of them. Intents (`OrchestratorAsked`, `SolverStarted`) are recorded before
the call they announce, results as they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from atlas_mcp.atlas.explore import Explore, Outcome, SolverFailure
from atlas_mcp.atlas.keyed import Keyed
from atlas_mcp.atlas.messages import AssistantTurn, Json, ReplyEnd, Tool, ToolResult, UserTurn
from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.record_version import SCHEMA_VERSION
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.usage import Charge

StopCause: TypeAlias = Literal["client", "user", "shutdown"]
"""The cause of a stop: the client's request ended, a user cancelled the run, the service ends."""

Origin: TypeAlias = Literal["prefetch", "orchestrator", "floor", "client", "workflow"]
"""Who asked for an explore: the start of the run, the orchestrator, its floor, the client, or a
workflow without an orchestrator."""


@dataclass(frozen=True, slots=True)
class RunOpened:
    """A question was accepted, under these settings. `version` is that of all its records."""

    problem: Problem
    spec: RunSpec
    version: int = SCHEMA_VERSION
    type: Literal["run_opened"] = "run_opened"


@dataclass(frozen=True, slots=True)
class Planned:
    """An explore that was decided. `call_id` is the tool call it answers, where there is one."""

    explore_id: int
    explore: Explore
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExploresPlanned:
    """Explores were decided. `refused` are the tool calls that ask for what cannot be had."""

    origin: Origin
    planned: tuple[Planned, ...]
    refused: tuple[ToolResult, ...] = ()
    type: Literal["explores_planned"] = "explores_planned"


@dataclass(frozen=True, slots=True)
class ExploresSkipped:
    """Planned explores that will not run, because a limit was reached first."""

    explore_ids: tuple[int, ...]
    reason: str
    type: Literal["explores_skipped"] = "explores_skipped"


@dataclass(frozen=True, slots=True)
class SolverStarted:
    """A solver is about to be called, with `hold_usd` set aside for it."""

    explore_id: int
    hold_usd: Decimal
    type: Literal["solver_started"] = "solver_started"


@dataclass(frozen=True, slots=True)
class SolverReplied:
    """A solver's call gave a reply. It is recorded as it arrived, before anything reads it.

    Made by `atlas.arrived`, which bounds its size. `stop` is the end of the reply, not of the run.
    """

    explore_id: int
    reply: AssistantTurn
    stop: ReplyEnd
    detail: str
    charge: Charge
    type: Literal["solver_replied"] = "solver_replied"


@dataclass(frozen=True, slots=True)
class SolverFinished:
    """The outcome of an explore: a candidate or a remark read from its reply, or a failure.

    Where a `SolverReplied` stands before it, `charge` repeats the charge of that event and counts
    once. Before version 3 this is the only record of a reply.
    """

    explore_id: int
    outcome: Outcome
    charge: Charge
    type: Literal["solver_finished"] = "solver_finished"


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt of a call failed, and the call is made again; its charge stays on hold.

    Attributes:
        call: The call's name in the ledger.
        attempt: The attempt that failed, from 1.
        failure: Why.
        charge: The consumption of the attempt. It counts once the call has ended.
        not_before: Unix seconds before which the next attempt is not made.
    """

    call: str
    attempt: int
    failure: SolverFailure
    charge: Charge
    not_before: float
    type: Literal["attempt_failed"] = "attempt_failed"


@dataclass(frozen=True, slots=True)
class HoldRaised:
    """More was set aside for a call. Written before version 3, where `AttemptFailed` tells it.

    `call` is the call's name in the ledger.
    """

    call: str
    by_usd: Decimal
    type: Literal["hold_raised"] = "hold_raised"


@dataclass(frozen=True, slots=True)
class OrchestratorAsked:
    """The orchestrator is about to be called.

    Attributes:
        turn: 1 for the first.
        said: Our turn, added to its conversation; the turns before stay as they were.
        shows: The explores whose results `said` carries.
        hold_usd: US dollars set aside for the call.
        max_tokens: Ceiling of its reply.
        schema: JSON Schema of a text reply.
        must_conclude: Why no explore is left, `None` if there is one.
        system: The system prompt, the same at every turn.
        tools: Its tools, the same at every turn.
    """

    turn: int
    said: UserTurn
    shows: tuple[int, ...]
    hold_usd: Decimal
    max_tokens: int
    schema: dict[str, Json]
    must_conclude: StopReason | None
    system: str
    tools: tuple[Tool, ...]
    type: Literal["orchestrator_asked"] = "orchestrator_asked"


@dataclass(frozen=True, slots=True)
class OrchestratorReplied:
    """The orchestrator's call gave a reply, recorded as it arrived: see `SolverReplied`."""

    turn: int
    reply: AssistantTurn
    stop: ReplyEnd
    detail: str
    charge: Charge
    type: Literal["orchestrator_replied"] = "orchestrator_replied"


@dataclass(frozen=True, slots=True)
class OrchestratorFailed:
    """The orchestrator's call came to an end without a reply."""

    turn: int
    failure: SolverFailure
    charge: Charge
    type: Literal["orchestrator_failed"] = "orchestrator_failed"


@dataclass(frozen=True, slots=True)
class SentBack:
    """The orchestrator's reply was not accepted; `reason` is what it is told."""

    turn: int
    reason: str
    below_floor: bool
    type: Literal["sent_back"] = "sent_back"


@dataclass(frozen=True, slots=True)
class AnswersCompared:
    """A computer algebra system looked at answers that are several ones by rule.

    Attributes:
        explore_ids: The explores whose answers it was given. It is not given these together again.
        same: The explores among them whose answers it proved to be the same, in sets.
        fault: Why it did not look at all of them; empty where it did.
    """

    explore_ids: tuple[int, ...]
    same: tuple[tuple[int, ...], ...] = ()
    fault: str = ""
    type: Literal["answers_compared"] = "answers_compared"


@dataclass(frozen=True, slots=True)
class ExploringClosed:
    """Time for exploring is up; what is left of the limit belongs to the synthesis."""

    type: Literal["exploring_closed"] = "exploring_closed"


@dataclass(frozen=True, slots=True)
class DayCapReached:
    """The runs of this home have nearly used up what they may commit together on this day.

    Attributes:
        limit_usd: US dollars that this run may commit in all now.
        cap_usd: The cap of the day.
    """

    limit_usd: Decimal
    cap_usd: Decimal
    type: Literal["day_cap_reached"] = "day_cap_reached"


@dataclass(frozen=True, slots=True)
class CallsLost:
    """The process that made them is gone: calls in flight will never be answered here.

    They may have been billed, so all that was held for them counts as gone.
    """

    type: Literal["calls_lost"] = "calls_lost"


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A run that had stopped is to go on, with its evidence.

    Attributes:
        told: The text for the orchestrator, where its last reply was taken as the end.
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap; `None` leaves it.
        lifts: Whether this only takes back the stop of a run that is still carried out: its calls
            in flight stay in flight, and its time limit runs on.
        version: The version of the records from here on.
        instruction: What the user asks the orchestrator to look into; empty for nothing.
    """

    told: str
    max_explores: int | None = None
    max_cost_usd: Decimal | None = None
    lifts: bool = False
    version: int = SCHEMA_VERSION
    instruction: str = ""
    type: Literal["run_resumed"] = "run_resumed"


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The run is to end: no call starts after this.

    Of a run that has ended, or rests, only the questions about it are to end.
    """

    cause: StopCause
    type: Literal["stop_requested"] = "stop_requested"


@dataclass(frozen=True, slots=True)
class RunFinished(Keyed):
    """The run ended.

    Attributes:
        status: How.
        stop_reason: Why.
        answer: The synthesized answer; `None` where there is none.
        explanation: How it follows from the evidence.
        confidence: The orchestrator's own, 0 to 1.
        dissent: The case against the answer, in the orchestrator's words.
        error: The failure, for people; `None` where there is none.
        warning: A caution about how the answer came about, for its reader.
        same_answers: Sets of explores whose candidates give the same answer in other words, in the
            orchestrator's judgement; 0 is among those that give the run's answer.
    """

    status: Status
    stop_reason: StopReason
    answer: Json = None
    explanation: str | None = None
    confidence: float | None = None
    dissent: str | None = None
    error: str | None = None
    warning: str | None = None
    same_answers: tuple[tuple[int, ...], ...] = ()
    type: Literal["run_finished"] = "run_finished"


@dataclass(frozen=True, slots=True)
class RecordLost:
    """Records are missing or cannot be read any more.

    It is never stored: readers and exports have it in their place, under the number of the last.

    Attributes:
        reason: Why.
        count: How many numbers it stands for, however many that are: one statement a gap. 0 where
            records are there that stand under no number.
        title: Where the record that opens the run is among them: how its problem begins, as far
            as the list of runs knows.
    """

    reason: str
    count: int = 1
    title: str | None = None
    type: Literal["record_lost"] = "record_lost"


Event: TypeAlias = (
    RunOpened
    | ExploresPlanned
    | ExploresSkipped
    | SolverStarted
    | SolverReplied
    | SolverFinished
    | AttemptFailed
    | HoldRaised
    | OrchestratorAsked
    | OrchestratorReplied
    | OrchestratorFailed
    | SentBack
    | AnswersCompared
    | ExploringClosed
    | DayCapReached
    | CallsLost
    | RunResumed
    | StopRequested
    | RunFinished
    | QuestionPosed
    | QuestionAsked
    | QuestionReplied
    | QuestionAnswered
    | QuestionFailed
    | RecordLost
)


@dataclass(frozen=True, slots=True)
class Record:
    """An event in its place: `seq` counts from 1 without gaps, `at` is in Unix seconds."""

    seq: int
    at: float
    event: Event
