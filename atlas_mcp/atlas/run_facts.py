"""The facts of a run: its explores, its orchestrator's turns, its open calls, its money.

Values and properties derived from them. How an event changes them is `atlas.transitions`; building
them from records is `atlas.state`; nothing here decides on the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from atlas_mcp.atlas.agreement import Group, Vote, group_answers, merged_groups
from atlas_mcp.atlas.budget import Budget, Ledger
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.events import (
    AnswersCompared,
    OrchestratorAsked,
    OrchestratorReplied,
    Origin,
    Planned,
    RunFinished,
    SolverReplied,
    StopCause,
)
from atlas_mcp.atlas.explore import SOLVER, Candidate, FailureKind, Outcome, SolverFailure
from atlas_mcp.atlas.messages import ToolResult, Turn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_facts import Question
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Cost, Usage

UNANSWERED = frozenset[FailureKind]({"timeout", "unavailable", "rejected", "cancelled"})
"""Failures of calls that gave no reply. A resumed run makes these calls again; a call that gave a
reply is never repeated."""


@dataclass(frozen=True, slots=True)
class ExploreState:
    """One explore, from its plan to its end.

    Attributes:
        planned: The explore as it was decided.
        origin: Who asked for it.
        started_at: Unix seconds; `None` before it starts.
        finished_at: Unix seconds; `None` before its call ends.
        reply: The reply of its call; `None` without one, and in runs written before version 3,
            which record only the outcome.
        outcome: The candidate or the failure; `None` before it is known, and where the explore was
            skipped.
        ended_seq: Number of the record that tells its outcome; `None` before.
        skipped: Why it will not run; `None` otherwise.
        charge: The charge of its calls together: a resumed run may make a call again.
    """

    planned: Planned
    origin: Origin
    started_at: float | None = None
    finished_at: float | None = None
    reply: SolverReplied | None = None
    outcome: Outcome | None = None
    ended_seq: int | None = None
    skipped: str | None = None
    charge: Charge = NO_CHARGE

    @property
    def id(self) -> int:
        """The explore's number in its run, from 1."""
        return self.planned.explore_id

    @property
    def waiting(self) -> bool:
        """Planned, neither started nor skipped."""
        return self.started_at is None and self.skipped is None

    @property
    def in_flight(self) -> bool:
        """Started, and its call has not ended."""
        return self.started_at is not None and self.finished_at is None

    @property
    def replied(self) -> bool:
        """Whether its outcome was read from a reply."""
        outcome = self.outcome
        return outcome is not None and not (
            isinstance(outcome, SolverFailure) and outcome.kind in UNANSWERED
        )

    @property
    def unread(self) -> bool:
        """Whether its reply has arrived and has not been read."""
        return self.reply is not None and self.outcome is None


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run went on after it had stopped.

    Attributes:
        turns: How many turns of the orchestrator it had then.
        instruction: What the user asked of the orchestrator; empty for nothing.
        end: How the run had ended; `None` where it had not.
    """

    turns: int
    instruction: str
    end: RunFinished | None


@dataclass(frozen=True, slots=True)
class OrchestratorTurn:
    """One call of the orchestrator, from its intent to the explores that it led to.

    Attributes:
        asked: The intent.
        started_at: Unix seconds of the intent.
        reply: Its reply, or the failure of the call; `None` while it is in flight.
        tokens: A bound of the input tokens that the turn and its reply add to later requests; 0
            before the reply, and after a failed call.
        read: Whether the reply has been acted on.
        sent_back: Why its reply was not accepted; `None` where it was.
        below_floor: Whether it was sent back for answering too early.
        granted: Numbers of the explores that it asked for and got.
        refused: Answers to those of its tool calls that could not be granted.
    """

    asked: OrchestratorAsked
    started_at: float
    reply: OrchestratorReplied | SolverFailure | None = None
    tokens: int = 0
    read: bool = False
    sent_back: str | None = None
    below_floor: bool = False
    granted: tuple[int, ...] = ()
    refused: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that was announced and has not ended.

    Attributes:
        started_at: Unix seconds of its announcement.
        hold_usd: US dollars that were set aside for one attempt.
        attempt: The attempt under way, or due next; from 1.
        failed: The charge of earlier attempts together.
        not_before: Unix seconds before which the attempt is not made.
    """

    started_at: float
    hold_usd: Decimal
    attempt: int = 1
    failed: Charge = NO_CHARGE
    not_before: float = 0.0


def no_calls() -> Mapping[str, OpenCall]:
    """Return the open calls of a run that has none."""
    return MappingProxyType({})


def no_questions() -> Mapping[int, Question]:
    """Return the questions about a run that has none."""
    return MappingProxyType({})


def no_explores() -> Mapping[int, ExploreState]:
    """Return the explores of a run that has none."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything known of a run; `atlas.state.RunState` adds the reading of records.

    Attributes:
        problem: The question.
        spec: The settings, with the limits now in force.
        opened_at: Unix seconds.
        ledger: Dollars held and spent of the cap.
        seq: Number of the last record.
        at: Unix seconds of the last record.
        idle_s: Seconds in which no process drove the run: those before it was resumed, or before
            its client explored further.
        resumed_turns: Turns of the orchestrator before the run was last resumed.
        explores: By number.
        turns: Calls of the orchestrator that belong to its conversation.
        solver_charge: The charge of the solvers' calls together.
        orchestrator_charge: The charge of the orchestrator's calls together, questions included.
        questions: The questions about the run, by number.
        resting: Whether a run that was interrupted is taken up for questions alone.
        questions_stopped: Whether the questions that are open are to end.
        asking_cap_usd: The cap over all runs of the day, once it leaves questions less than the
            run's own; `None` otherwise.
        instruction: What the user asks of the orchestrator, until it has replied to that.
        comparisons: What a computer algebra system found of the answers, in order.
        open_calls: Calls that were announced and have not ended, by their names in the ledger.
        calls_began_at: Unix seconds of the first call since the run was opened or resumed; `None`
            before it.
        exploring_closed: Whether time for exploring is up.
        day_cap_usd: The cap over all runs of the day, once it leaves this run less than its own;
            `None` otherwise.
        stop_cause: Why the run was asked to stop; `None` while it may go on.
        stopped_seq: Number of the record that says so; 0 while it may go on.
        resumptions: When it went on after a stop, and why.
        finished: How it ended; `None` before.
        finished_at: Unix seconds; `None` before.
        lost: Number of records that are missing or unreadable, or that depend on one that is.
        opening_lost: Whether the record that opens the run is lost. `problem` is then at most how
            the question begins, and `spec` has nothing but the solvers' names.
    """

    problem: Problem
    spec: RunSpec
    opened_at: float
    ledger: Ledger
    seq: int = 1
    at: float = 0.0
    idle_s: float = 0.0
    resumed_turns: int = 0
    explores: Mapping[int, ExploreState] = field(default_factory=no_explores)
    turns: tuple[OrchestratorTurn, ...] = ()
    solver_charge: Charge = NO_CHARGE
    orchestrator_charge: Charge = NO_CHARGE
    questions: Mapping[int, Question] = field(default_factory=no_questions)
    resting: bool = False
    questions_stopped: bool = False
    asking_cap_usd: Decimal | None = None
    instruction: str = ""
    comparisons: tuple[AnswersCompared, ...] = ()
    open_calls: Mapping[str, OpenCall] = field(default_factory=no_calls)
    calls_began_at: float | None = None
    exploring_closed: bool = False
    day_cap_usd: Decimal | None = None
    stop_cause: StopCause | None = None
    stopped_seq: int = 0
    resumptions: tuple[Resumption, ...] = ()
    finished: RunFinished | None = None
    finished_at: float | None = None
    lost: int = 0
    opening_lost: bool = False

    @property
    def budget(self) -> Budget:
        """The limits in force."""
        return self.spec.budget

    @property
    def waiting(self) -> tuple[ExploreState, ...]:
        """Planned explores that have not started, in the order of their numbers."""
        return tuple(explore for explore in self.explores.values() if explore.waiting)

    @property
    def solvers_in_flight(self) -> tuple[ExploreState, ...]:
        """Explores with a call open."""
        return tuple(explore for explore in self.explores.values() if explore.in_flight)

    @property
    def unread(self) -> tuple[ExploreState, ...]:
        """Explores whose reply has not been read, in the order of their numbers."""
        return tuple(explore for explore in self.explores.values() if explore.unread)

    @property
    def turn_in_flight(self) -> bool:
        """Whether the orchestrator's call is open."""
        return bool(self.turns) and self.turns[-1].reply is None

    @property
    def calls_in_flight(self) -> bool:
        """Whether any call is open."""
        asking = any(one.in_flight for one in self.questions.values())
        return asking or self.turn_in_flight or bool(self.solvers_in_flight)

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """Questions for which something is still to be done, in the order of their numbers."""
        return tuple(one for one in self.questions.values() if one.is_open)

    @property
    def used_explores(self) -> int:
        """Explores that count against the ceiling: all but the skipped ones."""
        return sum(explore.skipped is None for explore in self.explores.values())

    @property
    def explores_left(self) -> int:
        """Explores that the ceiling still allows."""
        return max(0, self.budget.max_explores - self.used_explores)

    @property
    def done(self) -> tuple[ExploreState, ...]:
        """Explores with an outcome, in the order of their numbers."""
        return tuple(explore for explore in self.explores.values() if explore.outcome is not None)

    @property
    def ended(self) -> tuple[ExploreState, ...]:
        """Explores with an outcome, in the order in which the outcomes were recorded."""
        return tuple(sorted(self.done, key=lambda explore: explore.ended_seq or 0))

    @property
    def candidates(self) -> tuple[ExploreState, ...]:
        """Explores that gave a candidate, in the order of their numbers."""
        return tuple(one for one in self.explores.values() if isinstance(one.outcome, Candidate))

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The independent candidates, those of solvers, in the order of their explores."""
        return tuple(
            Vote(explore.id, planned.solver, planned.strategy, explore.outcome)
            for explore in self.explores.values()
            if isinstance(explore.outcome, Candidate)
            for planned in (explore.planned.explore,)
            if planned.role == SOLVER
        )

    @property
    def asked(self) -> Asked:
        """What the problem decides about which answers are the same."""
        return Asked.about(self.problem.text, self.problem.answer_schema)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The independent candidates grouped by their answers, the largest group first.

        By rule alone, which a proof is too: whatever is decided on agreement is decided on these.
        """
        problem = self.problem
        groups = group_answers(self.votes, schema=problem.answer_schema, question=problem.text)
        return merged_groups(groups, self.proved) if self.comparisons else groups

    @property
    def proved(self) -> tuple[frozenset[int], ...]:
        """The sets of explores whose answers were proved to be the same; they may overlap."""
        return tuple(frozenset(same) for one in self.comparisons for same in one.same)

    @property
    def shown(self) -> frozenset[int]:
        """Numbers of the explores whose results the orchestrator has been shown."""
        return frozenset(i for turn in self.turns for i in turn.asked.shows)

    @property
    def history(self) -> tuple[Turn, ...]:
        """The orchestrator's conversation so far, as it was sent and received.

        A turn whose call failed is left out: the next turn says the same again.
        """
        turns: list[Turn] = []
        for turn in self.turns:
            if isinstance(turn.reply, OrchestratorReplied):
                turns += (turn.asked.said, turn.reply.reply)
        return tuple(turns)

    @property
    def history_tokens(self) -> int:
        """A bound of the input tokens of `history`."""
        return sum(turn.tokens for turn in self.turns)

    @property
    def charge(self) -> Charge:
        """The charge of the run's calls together."""
        return self.solver_charge + self.orchestrator_charge

    @property
    def usage(self) -> Usage:
        """The requests and tokens that were counted."""
        return self.charge.usage

    @property
    def cost_usd(self) -> Cost:
        """The cost of `usage` as people are told it."""
        return replace(self.charge, uncertain=self.ledger.uncertain).shown_cost


Facts = TypeVar("Facts", bound=RunFacts)
"""The facts of a run, or the state that extends them: changes return the class that they get."""


def merged(facts: RunFacts, *explores: ExploreState) -> Mapping[int, ExploreState]:
    """Return all explores, with these added or put in place of those of the same number."""
    return MappingProxyType({**facts.explores, **{explore.id: explore for explore in explores}})


def with_explores(facts: Facts, *explores: ExploreState) -> Facts:
    """Return the facts with these explores added, or put in place of those of the same number."""
    return replace(facts, explores=merged(facts, *explores))


def with_last_turn(facts: Facts, turn: OrchestratorTurn) -> Facts:
    """Return the facts with `turn` in place of the orchestrator's last turn."""
    return replace(facts, turns=(*facts.turns[:-1], turn))
