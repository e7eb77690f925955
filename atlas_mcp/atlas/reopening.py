"""How a run whose process is gone, that had ended, or that is to stop, is put in a state to go on.

Owns the changes that `CallsLost` and `RunResumed` stand for: holds that count as gone, calls to
make again, the conversation to go on from. It never decides that a run goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from atlas_mcp.atlas.budget import Ledger
from atlas_mcp.atlas.events import OrchestratorReplied, RunResumed
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_transitions import lapsed
from atlas_mcp.atlas.run_facts import (
    UNANSWERED,
    ExploreState,
    Facts,
    OrchestratorTurn,
    Resumption,
    RunFacts,
    no_calls,
    with_explores,
)
from atlas_mcp.atlas.usage import Charge


def calls_lost(facts: Facts, at: float) -> Facts:
    """Return the facts after calls that can no longer be answered.

    Their holds count as gone, their explores wait again, and their turns are forgotten.

    Args:
        facts: The run, with the calls open.
        at: Unix seconds at which the loss was recorded.
    """
    waiting = (replace(explore, started_at=None) for explore in facts.solvers_in_flight)
    turns = facts.turns
    # More than one turn is open where replies are lost from the journal.
    while turns and turns[-1].reply is None:
        turns = turns[:-1]
    facts = lapsed(facts)
    return replace(
        with_explores(facts, *waiting),
        ledger=_with_holds_gone(facts.ledger),
        open_calls=no_calls(),
        turns=turns,
        # A run that has ended is idle from its end on.
        idle_s=facts.idle_s + (max(0.0, at - facts.at) if facts.finished is None else 0.0),
    )


def resumed(facts: Facts, event: RunResumed, at: float) -> Facts:
    """Return the facts of a run that goes on: same evidence, limits raised, failed calls waiting.

    Args:
        facts: The run as it stopped.
        event: The new limits, and the text for the orchestrator.
        at: Unix seconds at which the run goes on.
    """
    facts = replace(facts, instruction=event.instruction or facts.instruction)
    if event.lifts:
        return _lifted(facts, event)
    if facts.lost:
        facts = _without_conversation(facts)
    turns = _turns_to_go_on_from(facts, event.told)
    went_on = Resumption(len(turns), event.instruction, facts.finished)
    facts = _with_limits(reopened(facts, at), event)
    facts = replace(
        facts,
        turns=turns,
        resumed_turns=len(turns),
        resumptions=(*facts.resumptions, went_on),
    )
    return with_explores(facts, *map(_waiting, [*_unanswered(facts), *_skipped(facts)]))


def reopened(facts: Facts, at: float) -> Facts:
    """Return the facts without an end and without the causes of one.

    Args:
        facts: The run.
        at: Unix seconds at which it goes on; the time since its end counts as idle.
    """
    ended_at = facts.at if facts.finished_at is None else facts.finished_at
    return replace(
        facts,
        ledger=replace(facts.ledger, limit=facts.budget.max_cost_usd),
        finished=None,
        finished_at=None,
        calls_began_at=facts.calls_began_at if facts.calls_in_flight else None,
        exploring_closed=False,
        day_cap_usd=None,
        stop_cause=None,
        stopped_seq=0,
        resting=False,
        questions_stopped=False,
        asking_cap_usd=None,
        idle_s=facts.idle_s + max(0.0, at - ended_at),
    )


def _with_limits(facts: Facts, event: RunResumed) -> Facts:
    """Return the facts with the limits raised; no cap is above the one of the day."""
    budget, limit = facts.budget, facts.ledger.limit
    if event.max_explores is not None:
        budget = replace(budget, max_explores=event.max_explores)
    if event.max_cost_usd is not None:
        budget = replace(budget, max_cost_usd=event.max_cost_usd)
        limit = limit if facts.day_cap_usd is not None else event.max_cost_usd
    return replace(
        facts,
        spec=replace(facts.spec, budget=budget),
        ledger=replace(facts.ledger, limit=limit),
    )


def _lifted(facts: Facts, event: RunResumed) -> Facts:
    """Return the facts without their stop: the calls that it cut off are to be made again.

    Explores that were skipped before the stop stay so, unless there is more room for them now.
    """
    again = [one for one in _unanswered(facts) if (one.ended_seq or 0) > facts.stopped_seq]
    turns = facts.turns
    if turns and isinstance(turns[-1].reply, SolverFailure) and turns[-1].reply.kind == "cancelled":
        turns = turns[:-1]
    facts = replace(_with_limits(facts, event), stop_cause=None, stopped_seq=0, turns=turns)
    skipped = () if (event.max_explores, event.max_cost_usd) == (None, None) else _skipped(facts)
    return with_explores(facts, *map(_waiting, again), *map(_waiting, skipped))


def _with_holds_gone(ledger: Ledger) -> Ledger:
    """Return the ledger with every hold counted as gone: the calls may have been billed."""
    for call, amount in ledger.held.items():
        ledger = ledger.settle(call, Charge(uncertain=amount))
    return ledger


def _unanswered(facts: RunFacts) -> Iterator[ExploreState]:
    """Yield the explores without a reply that the orchestrator was not shown."""
    shown = facts.shown
    for explore in facts.explores.values():
        failure = explore.outcome
        is_failure = isinstance(failure, SolverFailure) and failure.kind in UNANSWERED
        if is_failure and explore.id not in shown:
            yield explore


def _skipped(facts: RunFacts) -> Iterable[ExploreState]:
    """Return the skipped explores that it was not shown, as far as the ceiling leaves room."""
    shown = facts.shown
    skipped = [one for one in facts.explores.values() if one.skipped is not None]
    return [one for one in skipped if one.id not in shown][: facts.explores_left]


def _waiting(explore: ExploreState) -> ExploreState:
    """Return an explore as it was before its call; its charge so far stays."""
    return replace(
        explore,
        started_at=None,
        finished_at=None,
        reply=None,
        outcome=None,
        ended_seq=None,
        skipped=None,
    )


def _turns_to_go_on_from(facts: RunFacts, told: str) -> tuple[OrchestratorTurn, ...]:
    """Return the conversation without its end, which is an end no longer.

    A turn that failed or was refused is left out: it is asked again. A reply that ended the run is
    answered with `told`. A reply that asks for explores, or that has not been read, stays to be
    decided on.
    """
    if not facts.turns:
        return ()
    last = facts.turns[-1]
    if not isinstance(last.reply, OrchestratorReplied):
        return facts.turns[:-1]
    # A run that was stopped no longer decides on its last reply, so that may be unread.
    if last.read or facts.finished is None or facts.finished.status == "cancelled":
        return facts.turns
    if last.reply.stop == "refusal":
        return facts.turns[:-1]
    if last.reply.reply.tool_calls:
        return facts.turns
    return (*facts.turns[:-1], replace(last, read=True, sent_back=told))


def _without_conversation(facts: Facts) -> Facts:
    """Forget the orchestrator's conversation: with records lost, its content is uncertain.

    The orchestrator is asked anew and shown every result there is, as it is after the prefetch.
    """
    unasked = (
        replace(explore, planned=replace(explore.planned, call_id=None))
        for explore in facts.explores.values()
    )
    # A call whose end is lost is not in flight, and may hold something all the same.
    gone = replace(facts, turns=(), ledger=_with_holds_gone(facts.ledger), open_calls=no_calls())
    return with_explores(gone, *unasked)
