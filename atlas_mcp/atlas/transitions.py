"""How each event changes the facts of a run.

`after` has one arm for each event. Every function here returns new facts and leaves the old ones
as they are; none reads a clock, and none numbers records (`atlas.state` does).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import Any, assert_never

from atlas_mcp.atlas import question_transitions as questions
from atlas_mcp.atlas.call_names import CallEnd, CallIntent, call_key
from atlas_mcp.atlas.events import (
    AnswersCompared,
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
    Record,
    RecordLost,
    RunFinished,
    RunOpened,
    RunResumed,
    SentBack,
    SolverFinished,
    SolverReplied,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.input_tokens import turn_tokens_at_most
from atlas_mcp.atlas.model_spec import DEFAULT_IMAGE_TOKENS, ModelSpec
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.reopening import calls_lost, reopened, resumed
from atlas_mcp.atlas.run_facts import (
    ExploreState,
    Facts,
    OpenCall,
    OrchestratorTurn,
    merged,
    with_explores,
    with_last_turn,
)
from atlas_mcp.atlas.run_spec import SolverSpec
from atlas_mcp.atlas.usage import FREE, NO_USAGE

UNKNOWN_MODEL = "unknown"
"""The model of a solver whose run has lost its settings."""


def after(facts: Facts, record: Record) -> Facts:  # noqa: C901 # long: one arm per event
    """Return the facts after `record`, with its number and its time left to be set.

    Raises:
        LookupError, ValueError, ArithmeticError, OverBudget: The record does not fit these facts.
    """
    event = record.event
    match event:
        case RunOpened():
            raise ValueError("a run is opened once")
        case ExploresPlanned():
            return _planned(facts, event, record.at)
        case ExploresSkipped():
            return with_explores(
                facts,
                *(replace(facts.explores[i], skipped=event.reason) for i in event.explore_ids),
            )
        case SolverStarted():
            started = replace(facts.explores[event.explore_id], started_at=record.at)
            return _announced(facts, event, record.at, explores=merged(facts, started))
        case AttemptFailed():
            return _attempt_failed(facts, event)
        case HoldRaised():
            return replace(facts, ledger=facts.ledger.raise_hold(event.call, event.by_usd))
        case SolverReplied():
            return _solver_replied(facts, event, record.at)
        case SolverFinished():
            return _solver_finished(facts, event, record)
        case OrchestratorAsked():
            turns = (*facts.turns, OrchestratorTurn(event, started_at=record.at))
            return _announced(facts, event, record.at, turns=turns)
        case OrchestratorReplied() | OrchestratorFailed():
            return _turn_ended(facts, event)
        case SentBack():
            turn = replace(
                facts.turns[-1], read=True, sent_back=event.reason, below_floor=event.below_floor
            )
            return with_last_turn(facts, turn)
        case AnswersCompared():
            return _compared(facts, event)
        case ExploringClosed():
            return replace(facts, exploring_closed=True)
        case DayCapReached():
            return _day_cap_reached(facts, event)
        case CallsLost():
            return calls_lost(facts, record.at)
        case RunResumed():
            return resumed(facts, event, record.at)
        case StopRequested():
            return _stop_requested(facts, event, record.seq)
        case RunFinished():
            return replace(facts, finished=event, finished_at=record.at)
        case QuestionPosed():
            return questions.posed(facts, event, record.at)
        case QuestionAsked():
            return _announced(questions.asked(facts, event, record.at), event, record.at)
        case QuestionReplied() | QuestionFailed():
            return _question_ended(facts, event, record.at)
        case QuestionAnswered():
            return questions.answered(facts, event)
        case RecordLost():
            return replace(facts, lost=facts.lost + max(1, event.count))
        case _:
            assert_never(event)


def _planned(facts: Facts, event: ExploresPlanned, at: float) -> Facts:
    if not facts.explores.keys().isdisjoint(planned.explore_id for planned in event.planned):
        raise ValueError("an explore is planned once")
    if facts.opening_lost:
        facts = _with_solvers(facts, (planned.explore.solver for planned in event.planned))
    for planned in event.planned:
        facts.spec.solver(planned.explore.solver)
    facts = with_explores(
        facts, *(ExploreState(planned, event.origin) for planned in event.planned)
    )
    if event.origin == "client":
        return reopened(facts, at)
    if not facts.turns:
        return facts
    turn = replace(
        facts.turns[-1],
        read=True,
        granted=tuple(item.explore_id for item in event.planned),
        refused=event.refused,
    )
    return with_last_turn(facts, turn)


def _with_solvers(facts: Facts, names: Iterable[str]) -> Facts:
    """Return the facts with solvers of these names; of new ones only the name is known."""
    known = {entry.name: entry for entry in facts.spec.solvers}
    for name in names:
        known.setdefault(name, SolverSpec(name, ModelSpec(UNKNOWN_MODEL)))
    return replace(facts, spec=replace(facts.spec, solvers=tuple(known.values())))


def _announced(facts: Facts, intent: CallIntent, at: float, **changes: Any) -> Facts:
    """Hold the most that a call may cost, count it as open, and make further changes."""
    call, hold = call_key(intent), intent.hold_usd
    # The time limit of a run is not that of questions about it.
    if facts.calls_began_at is None and not isinstance(intent, QuestionAsked):
        facts = replace(facts, calls_began_at=at)
    return replace(
        facts,
        ledger=facts.ledger.hold(call, hold),
        open_calls=MappingProxyType({**facts.open_calls, call: OpenCall(at, hold)}),
        **changes,
    )


def _attempt_failed(facts: Facts, event: AttemptFailed) -> Facts:
    """Count the next attempt of a call, and hold as much more as the failed one may have cost."""
    before = facts.open_calls[event.call]
    call = replace(
        before,
        attempt=event.attempt + 1,
        failed=before.failed + event.charge,
        not_before=event.not_before,
    )
    lost = (event.charge.cost or FREE) + event.charge.uncertain
    return replace(
        facts,
        ledger=facts.ledger.raise_hold(event.call, lost) if lost else facts.ledger,
        open_calls=MappingProxyType({**facts.open_calls, event.call: call}),
    )


def _solver_replied(facts: Facts, event: SolverReplied, at: float) -> Facts:
    explore = replace(facts.explores[event.explore_id], finished_at=at, reply=event)
    return _solver_paid(facts, explore, event)


def _solver_finished(facts: Facts, event: SolverFinished, record: Record) -> Facts:
    explore = replace(facts.explores[event.explore_id], outcome=event.outcome, ended_seq=record.seq)
    if explore.reply is not None:
        return with_explores(facts, explore)
    if facts.lost and event.charge.usage == NO_USAGE and explore.replied:
        # Its reply is lost, and with it the charge of the call.
        event = replace(event, charge=replace(event.charge, cost=None))
    return _solver_paid(facts, replace(explore, finished_at=record.at), event)


def _solver_paid(
    facts: Facts, explore: ExploreState, event: SolverReplied | SolverFinished
) -> Facts:
    """Count the charge of a solver's call, and settle its hold."""
    explore = replace(explore, charge=explore.charge + event.charge)
    return _settled(
        facts,
        event,
        explores=merged(facts, explore),
        solver_charge=facts.solver_charge + event.charge,
    )


def _turn_ended(facts: Facts, event: OrchestratorReplied | OrchestratorFailed) -> Facts:
    if isinstance(event, OrchestratorReplied):
        added = (facts.turns[-1].asked.said, event.reply)
        spec = facts.spec.orchestrator
        image_tokens = DEFAULT_IMAGE_TOKENS if spec is None else spec.image_tokens
        tokens = sum(turn_tokens_at_most(turn, image_tokens) for turn in added)
        turn = replace(facts.turns[-1], reply=event, tokens=tokens)
        facts = replace(facts, instruction="")
    else:
        turn = replace(facts.turns[-1], reply=event.failure)
    return _settled(
        facts,
        event,
        turns=(*facts.turns[:-1], turn),
        orchestrator_charge=facts.orchestrator_charge + event.charge,
    )


def _question_ended(facts: Facts, event: QuestionReplied | QuestionFailed, at: float) -> Facts:
    """Count the charge of a question's call, and settle its hold, if the event ends one."""
    called = facts.questions[event.number].in_flight
    facts = replace(facts, orchestrator_charge=facts.orchestrator_charge + event.charge)
    if isinstance(event, QuestionReplied):
        return _settled(questions.replied(facts, event, at), event)
    facts = questions.failed(facts, event, at)
    return _settled(facts, event) if called else facts


def _stop_requested(facts: Facts, event: StopRequested, seq: int) -> Facts:
    """Stop the run; of one that has ended, or rests for others than its user, the questions."""
    if facts.finished is not None or (facts.resting and event.cause != "user"):
        return replace(facts, questions_stopped=True)
    asked = bool(facts.open_questions)
    return replace(facts, stop_cause=event.cause, stopped_seq=seq, questions_stopped=asked)


def _settled(facts: Facts, ended: CallEnd, **changes: Any) -> Facts:
    """Close a call: its charge is gone, the rest of its hold is free. Make further changes."""
    name = call_key(ended)
    calls = {call: opened for call, opened in facts.open_calls.items() if call != name}
    return replace(
        facts,
        ledger=facts.ledger.settle(name, ended.charge),
        open_calls=MappingProxyType(calls),
        **changes,
    )


def _compared(facts: Facts, event: AnswersCompared) -> Facts:
    for explore_id in {*event.explore_ids, *chain.from_iterable(event.same)}:
        if not isinstance(facts.explores[explore_id].outcome, Candidate):
            raise ValueError("only answers are compared")
    return replace(facts, comparisons=(*facts.comparisons, event))


def _day_cap_reached(facts: Facts, event: DayCapReached) -> Facts:
    before = facts.ledger.limit
    limit = event.limit_usd if before is None else min(before, event.limit_usd)
    facts = replace(facts, ledger=replace(facts.ledger, limit=limit))
    if facts.finished is not None or facts.resting:
        return replace(facts, asking_cap_usd=event.cap_usd)
    return replace(facts, day_cap_usd=event.cap_usd)
