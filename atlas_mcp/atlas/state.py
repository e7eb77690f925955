"""The fold: what a run's records amount to.

`RunState.fold(records)` is all there is to know of a run. Values only; applying a record returns a
new state. What to do next is decided in `atlas.policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import takewhile
from types import MappingProxyType
from typing import TypeAlias, assert_never

from atlas_mcp.atlas.agreement import Vote
from atlas_mcp.atlas.budget import Budget, Ledger, OverBudget
from atlas_mcp.atlas.events import (
    AttemptFailed,
    CallsLost,
    DayCapReached,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    HoldRaised,
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Origin,
    Planned,
    Record,
    RecordLost,
    RunFinished,
    RunOpened,
    RunResumed,
    SentBack,
    SolverFinished,
    SolverReplied,
    SolverStarted,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.explore import Candidate, FailureKind, Outcome, SolverFailure
from atlas_mcp.atlas.messages import ToolResult, Turn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, NO_USAGE, Charge, Cost, Usage

UNANSWERED = frozenset[FailureKind]({"timeout", "unavailable", "rejected", "cancelled"})
"""Failures of calls that gave no reply. A resumed run makes them again; what was replied stays."""

UNFIT = (LookupError, ValueError, ArithmeticError, OverBudget)
"""What applying a record raises that cannot stand where it stands."""


CallEnd: TypeAlias = SolverReplied | SolverFinished | OrchestratorReplied | OrchestratorFailed
"""What tells that a call has ended, and what it consumed."""

UNKNOWN_MODEL = "unknown"
"""The model of a solver whose run has lost its settings."""


@dataclass(frozen=True, slots=True)
class ExploreState:
    """One explore, from its plan to its end.

    Attributes:
        planned: What was decided.
        origin: By whom.
        started_at: Unix seconds; `None` before it starts.
        finished_at: Unix seconds; `None` before its call ends.
        reply: The reply of its call; `None` where there is none, or only what was read from it.
        outcome: What came of it; `None` before that is known, and where it was skipped.
        ended_seq: Number of the record that tells its outcome; `None` before.
        skipped: Why it will not run; `None` otherwise.
        charge: What it consumed, over all its calls where it had to be made again.
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
        """Replied, and nothing has been made of the reply."""
        return self.reply is not None and self.outcome is None


@dataclass(frozen=True, slots=True)
class OrchestratorTurn:
    """One call of the orchestrator, from its intent to what was made of its reply.

    Attributes:
        asked: The intent.
        reply: Its reply, or the failure of the call; `None` while it is in flight.
        read: Whether the reply has been acted on.
        sent_back: Why its reply was not accepted.
        below_floor: Whether it was sent back for answering too early.
        granted: The explores that came of it, by number.
        refused: Answers to those of its tool calls that could not be granted.
    """

    asked: OrchestratorAsked
    started_at: float
    reply: OrchestratorReplied | SolverFailure | None = None
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
        failed: What the attempts before it consumed.
        not_before: Unix seconds before which the attempt is not made.
    """

    started_at: float
    hold_usd: Decimal
    attempt: int = 1
    failed: Charge = NO_CHARGE
    not_before: float = 0.0


def _no_calls() -> Mapping[str, OpenCall]:
    return MappingProxyType({})


def _no_explores() -> Mapping[int, ExploreState]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything known of a run. Built by `fold`, never by hand.

    Attributes:
        problem: The question.
        spec: The settings, with the limits now in force.
        opened_at: Unix seconds.
        ledger: What is held and spent of the cap.
        seq: Number of the last record.
        at: Unix seconds of the last record.
        idle_s: Seconds in which nobody drove it: before it was resumed, or explored further.
        resumed_turns: Turns of the orchestrator before the run was last resumed.
        explores: By number.
        turns: Calls of the orchestrator that belong to its conversation.
        solver_charge: What the solvers consumed.
        orchestrator_charge: What the orchestrator consumed.
        open_calls: Calls that were announced and have not ended, by their names in the ledger.
        calls_began_at: Unix seconds of the first call since the run was opened or resumed; `None`
            before it.
        exploring_closed: Whether time for exploring is up.
        day_cap_usd: The cap over all runs of the day, once it leaves this run less than its own;
            `None` otherwise.
        stop_cause: Who asked it to stop; `None` while it may go on.
        finished: How it ended; `None` before.
        finished_at: Unix seconds; `None` before.
        lost: Records that are missing or unreadable, or that cannot be understood without these.
        opening_lost: Whether the record that opens it is among them: `problem` is then only how it
            begins, as far as that is known, and of `spec` nothing but the solvers' names.
    """

    problem: Problem
    spec: RunSpec
    opened_at: float
    ledger: Ledger
    seq: int = 1
    at: float = 0.0
    idle_s: float = 0.0
    resumed_turns: int = 0
    explores: Mapping[int, ExploreState] = field(default_factory=_no_explores)
    turns: tuple[OrchestratorTurn, ...] = ()
    solver_charge: Charge = NO_CHARGE
    orchestrator_charge: Charge = NO_CHARGE
    open_calls: Mapping[str, OpenCall] = field(default_factory=_no_calls)
    calls_began_at: float | None = None
    exploring_closed: bool = False
    day_cap_usd: Decimal | None = None
    stop_cause: StopCause | None = None
    finished: RunFinished | None = None
    finished_at: float | None = None
    lost: int = 0
    opening_lost: bool = False

    @staticmethod
    def fold(records: Iterable[Record]) -> RunState:
        """Return the state that `records`, in order and from the first, amount to.

        Raises:
            ValueError: They are no beginning of a run.
        """
        rest = iter(records)
        first = next(rest, None)
        if first is None:
            raise ValueError("a run has at least one record")
        return start(first).read_on(rest)

    def read_on(self, records: Iterable[Record]) -> RunState:
        """Return the state after further records that were read back.

        One that cannot stand where it stands counts as lost: a part before it is, or it has been
        damaged itself. What it says of money counts all the same.

        Raises:
            ValueError: Their numbers do not follow.
        """
        state = self
        for record in records:
            try:
                state = state.apply(record)
            except UNFIT:
                if record.seq != state.seq + 1:
                    raise
                state = replace(_despite_loss(state, record), seq=record.seq, at=record.at)
        return state

    def apply(self, record: Record) -> RunState:
        """Return the state after one more record.

        Raises:
            ValueError: It is not the next one.
        """
        event = record.event
        if record.seq != self.seq + (event.count if isinstance(event, RecordLost) else 1):
            raise ValueError(f"record {record.seq} does not follow record {self.seq}")
        if record.at < self.at:
            # Written under a clock that had been set back: nothing took less than no time.
            record = replace(record, at=self.at)
        return replace(_apply(self, record), seq=record.seq, at=record.at)

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
        return self.turn_in_flight or bool(self.solvers_in_flight)

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
        """Explores with an outcome, in the order in which that came to be known."""
        return tuple(sorted(self.done, key=lambda explore: explore.ended_seq or 0))

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The candidates, in the order of their explores."""
        return tuple(
            Vote(explore.id, planned.solver, planned.strategy, explore.outcome)
            for explore in self.explores.values()
            if isinstance(explore.outcome, Candidate)
            for planned in (explore.planned.explore,)
        )

    @property
    def shown(self) -> frozenset[int]:
        """Explores whose results the orchestrator has been told."""
        return frozenset(i for turn in self.turns for i in turn.asked.shows)

    @property
    def history(self) -> tuple[Turn, ...]:
        """The orchestrator's conversation so far, as it was sent and received.

        A turn whose call failed is not part of it: what it said is said again in the next.
        """
        turns: list[Turn] = []
        for turn in self.turns:
            if isinstance(turn.reply, OrchestratorReplied):
                turns += (turn.asked.said, turn.reply.reply)
        return tuple(turns)

    @property
    def charge(self) -> Charge:
        """What the run consumed."""
        return self.solver_charge + self.orchestrator_charge

    @property
    def usage(self) -> Usage:
        """The requests and tokens that were counted."""
        return self.charge.usage

    @property
    def cost_usd(self) -> Cost:
        """What that cost, as it is told."""
        return replace(self.charge, uncertain=self.ledger.uncertain).shown_cost


def start(record: Record) -> RunState:
    """Return the state of a run whose first record this is.

    Raises:
        ValueError: It neither opens a run nor says that this is lost.
    """
    if isinstance(record.event, RecordLost) and record.seq == record.event.count:
        return RunState(
            problem=Problem(record.event.title or ""),
            spec=RunSpec("atlas", None, (), Budget(max_cost_usd=None)),
            opened_at=record.at,
            at=record.at,
            ledger=Ledger(None),
            seq=record.seq,
            lost=record.event.count,
            opening_lost=True,
        )
    if not isinstance(record.event, RunOpened) or record.seq != 1:
        raise ValueError("the first record of a run opens it")
    return RunState(
        problem=record.event.problem,
        spec=record.event.spec,
        opened_at=record.at,
        at=record.at,
        ledger=Ledger(record.event.spec.budget.max_cost_usd),
    )


def quota_used(state: RunState, solver: str) -> int:
    """Return how many explores of a run went to `solver`."""
    return sum(
        explore.planned.explore.solver == solver and explore.skipped is None
        for explore in state.explores.values()
    )


def unanswered_in_a_row(state: RunState, solver: str) -> int:
    """Return how many of the last explores of `solver` in a run its endpoint did not answer."""
    outcomes = [e.outcome for e in state.done if e.planned.explore.solver == solver]
    silent = takewhile(
        lambda one: isinstance(one, SolverFailure) and one.kind in ("unavailable", "rejected"),
        reversed(outcomes),
    )
    return sum(1 for _ in silent)


def failed_explores(state: RunState) -> tuple[tuple[int, SolverFailure], ...]:
    """Return the explores of a run that failed, with what they failed of."""
    return tuple(
        (explore.id, explore.outcome)
        for explore in state.done
        if isinstance(explore.outcome, SolverFailure)
    )


def call_key(event: SolverStarted | OrchestratorAsked) -> str:
    """Return the ledger's name for a call, unique in its run."""
    if isinstance(event, SolverStarted):
        return f"solver-{event.explore_id}"
    return f"orchestrator-{event.turn}"


def _apply(state: RunState, record: Record) -> RunState:  # noqa: C901 - one arm per event
    event = record.event
    match event:
        case RunOpened():
            raise ValueError("a run is opened once")
        case ExploresPlanned():
            return _planned(state, event, record.at)
        case ExploresSkipped():
            return _with_explores(
                state,
                *(replace(state.explores[i], skipped=event.reason) for i in event.explore_ids),
            )
        case SolverStarted():
            started = replace(state.explores[event.explore_id], started_at=record.at)
            return _announced(_with_explores(state, started), event, record.at)
        case AttemptFailed():
            return _attempt_failed(state, event)
        case HoldRaised():
            return replace(state, ledger=state.ledger.raise_hold(event.call, event.by_usd))
        case SolverReplied():
            return _solver_replied(state, event, record.at)
        case SolverFinished():
            return _solver_finished(state, event, record)
        case OrchestratorAsked():
            turns = (*state.turns, OrchestratorTurn(event, started_at=record.at))
            return _announced(replace(state, turns=turns), event, record.at)
        case OrchestratorReplied() | OrchestratorFailed():
            return _turn_ended(state, event)
        case SentBack():
            turn = replace(
                state.turns[-1], read=True, sent_back=event.reason, below_floor=event.below_floor
            )
            return _with_last_turn(state, turn)
        case ExploringClosed():
            return replace(state, exploring_closed=True)
        case DayCapReached():
            return _day_cap_reached(state, event)
        case CallsLost():
            return _calls_lost(state, record.at)
        case RunResumed():
            return _resumed(state, event, record.at)
        case StopRequested():
            return replace(state, stop_cause=event.cause)
        case RunFinished():
            return replace(state, finished=event, finished_at=record.at)
        case RecordLost():
            return replace(state, lost=state.lost + max(1, event.count))
        case _:
            assert_never(event)


def _planned(state: RunState, event: ExploresPlanned, at: float) -> RunState:
    if not state.explores.keys().isdisjoint(planned.explore_id for planned in event.planned):
        raise ValueError("an explore is planned once")
    if state.opening_lost:
        state = _with_solvers(state, (planned.explore.solver for planned in event.planned))
    for planned in event.planned:
        state.spec.solver(planned.explore.solver)
    state = _with_explores(
        state, *(ExploreState(planned, event.origin) for planned in event.planned)
    )
    if event.origin == "client":
        return _reopened(state, at)
    if not state.turns:
        return state
    turn = replace(
        state.turns[-1],
        read=True,
        granted=tuple(item.explore_id for item in event.planned),
        refused=event.refused,
    )
    return _with_last_turn(state, turn)


def _with_solvers(state: RunState, names: Iterable[str]) -> RunState:
    """Return the state with solvers of these names, where nothing else is known of them."""
    known = {entry.name: entry for entry in state.spec.solvers}
    for name in names:
        known.setdefault(name, SolverSpec(name, ModelSpec(UNKNOWN_MODEL)))
    return replace(state, spec=replace(state.spec, solvers=tuple(known.values())))


def _solver_replied(state: RunState, event: SolverReplied, at: float) -> RunState:
    explore = replace(state.explores[event.explore_id], finished_at=at, reply=event)
    return _solver_paid(state, explore, event)


def _solver_finished(state: RunState, event: SolverFinished, record: Record) -> RunState:
    explore = replace(state.explores[event.explore_id], outcome=event.outcome, ended_seq=record.seq)
    if explore.reply is not None:
        return _with_explores(state, explore)
    if state.lost and event.charge.usage == NO_USAGE and explore.replied:
        # Its reply is lost, and with it what that consumed.
        event = replace(event, charge=replace(event.charge, cost=None))
    return _solver_paid(state, replace(explore, finished_at=record.at), event)


def _solver_paid(
    state: RunState, explore: ExploreState, event: SolverReplied | SolverFinished
) -> RunState:
    """Count what a solver's call consumed, and settle what was held for it."""
    explore = replace(explore, charge=explore.charge + event.charge)
    settled = _settled(state, event, event.charge)
    return replace(
        _with_explores(settled, explore), solver_charge=state.solver_charge + event.charge
    )


def _turn_ended(state: RunState, event: OrchestratorReplied | OrchestratorFailed) -> RunState:
    ended = event if isinstance(event, OrchestratorReplied) else event.failure
    return replace(
        _with_last_turn(
            _settled(state, event, event.charge), replace(state.turns[-1], reply=ended)
        ),
        orchestrator_charge=state.orchestrator_charge + event.charge,
    )


def _announced(state: RunState, intent: SolverStarted | OrchestratorAsked, at: float) -> RunState:
    """Hold what a call may cost, and count it as open."""
    call, hold = call_key(intent), intent.hold_usd
    return replace(
        state,
        ledger=state.ledger.hold(call, hold),
        open_calls=MappingProxyType({**state.open_calls, call: OpenCall(at, hold)}),
        calls_began_at=at if state.calls_began_at is None else state.calls_began_at,
    )


def _attempt_failed(state: RunState, event: AttemptFailed) -> RunState:
    """Hold as much again as the attempt may have cost: the call is made once more."""
    before = state.open_calls[event.call]
    call = replace(
        before,
        attempt=event.attempt + 1,
        failed=before.failed + event.charge,
        not_before=event.not_before,
    )
    lost = (event.charge.cost or FREE) + event.charge.uncertain
    return replace(
        state,
        ledger=state.ledger.raise_hold(event.call, lost) if lost else state.ledger,
        open_calls=MappingProxyType({**state.open_calls, event.call: call}),
    )


def _settled(state: RunState, ended: CallEnd, charge: Charge) -> RunState:
    """Count what a call that ended consumed, and give back the rest of its hold."""
    name = _call_of(ended)
    calls = {call: opened for call, opened in state.open_calls.items() if call != name}
    return replace(
        state, ledger=state.ledger.settle(name, charge), open_calls=MappingProxyType(calls)
    )


def _day_cap_reached(state: RunState, event: DayCapReached) -> RunState:
    before = state.ledger.limit
    limit = event.limit_usd if before is None else min(before, event.limit_usd)
    return replace(state, ledger=replace(state.ledger, limit=limit), day_cap_usd=event.cap_usd)


def _calls_lost(state: RunState, at: float) -> RunState:
    """Count what was held as gone, and forget that the calls were made."""
    ledger = _all_gone(state.ledger)
    waiting = (replace(explore, started_at=None) for explore in state.solvers_in_flight)
    turns = state.turns
    # One is open, or more where their replies are lost from the journal.
    while turns and turns[-1].reply is None:
        turns = turns[:-1]
    idle = state.idle_s + max(0.0, at - state.at)
    return replace(
        _with_explores(state, *waiting),
        ledger=ledger,
        open_calls=_no_calls(),
        turns=turns,
        idle_s=idle,
    )


def _all_gone(ledger: Ledger) -> Ledger:
    """Return the ledger with all that is held counted as gone: it may have been billed."""
    for call, amount in ledger.held.items():
        ledger = ledger.settle(call, Charge(uncertain=amount))
    return ledger


def _resumed(state: RunState, event: RunResumed, at: float) -> RunState:
    """Open the run again: same evidence, the limits raised, unanswered calls to be made anew."""
    budget = state.budget
    if event.max_explores is not None:
        budget = replace(budget, max_explores=event.max_explores)
    if event.max_cost_usd is not None:
        budget = replace(budget, max_cost_usd=event.max_cost_usd)
    if state.lost:
        state = _without_conversation(state)
    turns = _turns_to_go_on_from(state, event.told)
    state = replace(
        _reopened(state, at),
        spec=replace(state.spec, budget=budget),
        ledger=replace(state.ledger, limit=budget.max_cost_usd),
        turns=turns,
        resumed_turns=len(turns),
    )
    return _with_explores(state, *_to_make_again(state))


def _to_make_again(state: RunState) -> Iterator[ExploreState]:
    """Yield, as waiting, the explores without a reply that no turn to go on from has told of.

    Those that were skipped are among them, as far as the ceiling leaves room.
    """
    shown, room = state.shown, state.explores_left
    for explore in state.explores.values():
        if explore.id in shown:
            continue
        if explore.skipped is not None and room > 0:
            room -= 1
            yield replace(explore, skipped=None)
        elif isinstance(explore.outcome, SolverFailure) and explore.outcome.kind in UNANSWERED:
            yield replace(
                explore, started_at=None, finished_at=None, reply=None, outcome=None, ended_seq=None
            )


def _turns_to_go_on_from(state: RunState, told: str) -> tuple[OrchestratorTurn, ...]:
    """Return the conversation without an end that no longer is one.

    A call that failed, and a refusal, are left out: they are asked again. A reply that was taken
    as the end of the run is followed by `told`. One that asks for explores, or that nobody has
    read yet, stays to be decided on.
    """
    if not state.turns:
        return ()
    last = state.turns[-1]
    if not isinstance(last.reply, OrchestratorReplied):
        return state.turns[:-1]
    # A run that was stopped decides on nothing any more: its last reply may be unread.
    if last.read or state.finished is None or state.finished.status == "cancelled":
        return state.turns
    if last.reply.stop == "refusal":
        return state.turns[:-1]
    if last.reply.reply.tool_calls:
        return state.turns
    return (*state.turns[:-1], replace(last, read=True, sent_back=told))


def _without_conversation(state: RunState) -> RunState:
    """Forget what the orchestrator was told: with a part lost, nobody can say what that was.

    It is asked anew, and shown every result there is, as after the explores that start at once.
    """
    told = (
        replace(explore, planned=replace(explore.planned, call_id=None))
        for explore in state.explores.values()
    )
    # A call whose end is lost is not in flight, and may hold something all the same.
    gone = replace(state, turns=(), ledger=_all_gone(state.ledger), open_calls=_no_calls())
    return _with_explores(gone, *told)


def _despite_loss(state: RunState, record: Record) -> RunState:
    """Return the state after a record that does not follow, since something before it is lost.

    What it says of an explore or a turn that is known is taken over, and its money in any case.
    """
    event = record.event
    # What is lost may have given back more than is known here, so there is no limit meanwhile.
    ledger = replace(state.ledger, limit=None)
    match event:
        case SolverStarted() | OrchestratorAsked():
            call = call_key(event)
            if call in ledger.held:
                # It is held by a call whose end is lost.
                ledger = ledger.settle(call, Charge(cost=None))
            counted = ledger.hold(call, event.hold_usd)
        case SolverReplied() | SolverFinished() | OrchestratorReplied() | OrchestratorFailed():
            call = _call_of(event)
            if call not in ledger.held:
                ledger = ledger.hold(call, FREE)
            counted = ledger.settle(call, event.charge)
        case _:
            counted = ledger
    if isinstance(event, SolverReplied | SolverFinished):
        explore = state.explores.get(event.explore_id)
        if explore is not None and explore.started_at is None:
            state = _with_explores(state, replace(explore, started_at=record.at))
    after = replace(state, lost=state.lost + 1, ledger=counted)
    # A reply of the orchestrator follows where its turn is known: here that is lost.
    if not isinstance(event, OrchestratorReplied | OrchestratorFailed):
        with suppress(*UNFIT):
            after = _apply(replace(state, ledger=ledger), record)
    return replace(after, ledger=replace(after.ledger, limit=state.ledger.limit))


def _call_of(event: CallEnd) -> str:
    """Return the ledger's name for the call that ended."""
    if isinstance(event, SolverReplied | SolverFinished):
        return f"solver-{event.explore_id}"
    return f"orchestrator-{event.turn}"


def _reopened(state: RunState, at: float) -> RunState:
    ended_at = state.at if state.finished_at is None else state.finished_at
    return replace(
        state,
        ledger=replace(state.ledger, limit=state.budget.max_cost_usd),
        finished=None,
        finished_at=None,
        calls_began_at=state.calls_began_at if state.calls_in_flight else None,
        exploring_closed=False,
        day_cap_usd=None,
        stop_cause=None,
        idle_s=state.idle_s + max(0.0, at - ended_at),
    )


def _with_explores(state: RunState, *explores: ExploreState) -> RunState:
    merged = {**state.explores, **{explore.id: explore for explore in explores}}
    return replace(state, explores=MappingProxyType(merged))


def _with_last_turn(state: RunState, turn: OrchestratorTurn) -> RunState:
    return replace(state, turns=(*state.turns[:-1], turn))
