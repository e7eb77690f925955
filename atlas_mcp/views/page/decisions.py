"""The decisions about the course of a run, each with the words or the rule behind it.

What the orchestrator decided comes from its replies as they arrived; what a rule decided is said in
words of ours. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from atlas_mcp.atlas.events import (
    DayCapReached,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    OrchestratorAsked,
    OrchestratorReplied,
    Origin,
    Planned,
    Record,
    RunFinished,
    RunResumed,
    SentBack,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.explore import SOLVER
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.texts import counted
from atlas_mcp.views.orchestrator_words import words_of
from atlas_mcp.views.page.bounded import Bound
from atlas_mcp.views.page.course_sentences import decision_sentence
from atlas_mcp.views.page.course_shapes import Decider, DecisionKind, PageDecision
from atlas_mcp.views.page.own_records import own_records
from atlas_mcp.views.run_view import usage_view

LIMITS: dict[StopReason, str] = {
    "max_explores": "The ceiling of explores is reached",
    "max_cost": "The money left pays for no further explore",
    "deadline": "The time for exploring is up",
}
"""The limits of a run, as reasons."""

STOPS: dict[StopCause, str] = {
    "client": "The request that wanted this run has ended: nothing more is begun.",
    "user": "It was cancelled: calls in flight are aborted.",
    "shutdown": "The process that carries it out is ending.",
}
"""Why a run was asked to stop."""

PLANS: dict[Origin, str] = {
    "prefetch": "The first explores start at once: one candidate is never enough.",
    "orchestrator": "It asked for explores, and said nothing beside.",
    "floor": "The orchestrator wanted to stop with less evidence than the run's explore effort "
    "asks for, so explores were added.",
    "client": "The client asked for them: its own agent is the orchestrator.",
}
"""Why explores were planned, where no words tell it."""

_KINDS: dict[Origin, DecisionKind] = {
    "prefetch": "started",
    "orchestrator": "explored",
    "floor": "explored",
    "client": "explored",
    "workflow": "workflow",
}

_BY: dict[Origin, Decider] = {
    "prefetch": "rule",
    "orchestrator": "orchestrator",
    "floor": "rule",
    "client": "client",
    "workflow": "rule",
}


@dataclass(slots=True)
class _Turn:
    """A turn of the orchestrator that has not led to a decision yet."""

    number: int
    asked_at: float
    replied: OrchestratorReplied | None = None


@dataclass(slots=True)
class _Decisions:
    """The decisions of a run as its records are read."""

    state: RunState
    bound: Bound
    turn: _Turn | None = None
    concluding: StopReason | None = None
    found: list[PageDecision] = field(default_factory=list[PageDecision])

    def read(self, record: Record) -> None:
        """Take the next record."""
        match record.event:
            case OrchestratorAsked() as event:
                self._asked(event, record.at)
            case OrchestratorReplied(turn=number) as event:
                asked_at = self.turn.asked_at if self.turn else record.at
                self.turn = _Turn(number, asked_at, event)
            case ExploresPlanned() as event:
                self._planned(event, record.at)
            case SentBack(reason=reason):
                self._of_turn(record.at, "sent_back", "rule", reason, words=self._words())
            case ExploresSkipped(explore_ids=numbers, reason=reason):
                self._plain(record.at, "limit", reason, explore_ids=list(numbers))
            case ExploringClosed():
                reason = "The time for exploring is up: what is left belongs to the synthesis."
                self._plain(record.at, "limit", reason)
            case DayCapReached(limit_usd=limit, cap_usd=cap):
                self._plain(record.at, "limit", _day_cap_text(limit, cap))
            case RunResumed() as event:
                self._plain(record.at, "resumed", _resumed_text(event), by="user")
                self.concluding = None
            case StopRequested(cause=cause):
                by: Decider = "client" if cause == "client" else "user"
                by = "rule" if cause == "shutdown" else by
                self._plain(record.at, "stopped", STOPS[cause], by=by)
            case RunFinished() as event:
                self._finished(event, record.at)
            case _:
                pass

    def _asked(self, event: OrchestratorAsked, at: float) -> None:
        self.turn = _Turn(event.turn, at)
        reason = event.must_conclude
        if reason is not None and reason != self.concluding:
            text = f"{LIMITS.get(reason, reason)}: the orchestrator is asked to conclude."
            self._plain(at, "limit", text)
        self.concluding = reason

    def _planned(self, event: ExploresPlanned, at: float) -> None:
        kind, by = _KINDS[event.origin], _BY[event.origin]
        numbers = [one.explore_id for one in event.planned]
        if event.origin not in ("orchestrator", "floor"):
            reason = PLANS.get(event.origin) or _step_text(event.planned)
            self._plain(at, kind, reason, by=by, explore_ids=numbers)
            return
        words = self._words()
        is_floor = event.origin == "floor"
        # Beside the explores of the floor stands the notice to the orchestrator.
        refused = [] if is_floor else [self.bound.shown(one.text) for one in event.refused]
        self._of_turn(
            at,
            kind,
            by,
            PLANS[event.origin] if is_floor else words or PLANS[event.origin],
            words=words if is_floor else None,
            explore_ids=numbers,
            refused=refused,
        )

    def _finished(self, event: RunFinished, at: float) -> None:
        if event.status == "cancelled":
            self._plain(at, "stopped", event.error or "The run was stopped.", by="rule")
            return
        own = self.turn is not None and self.turn.replied is not None and not event.error
        if own and event.status == "answered":
            kind: DecisionKind = "stopped" if event.answer is None else "synthesized"
            self._of_turn(at, kind, "orchestrator", event.explanation or _ended_text(event))
            return
        kind = "stopped"
        if event.status == "answered" and event.answer is not None:
            kind = "synthesized" if self.state.spec.orchestrator else "workflow"
        elif event.stop_reason in LIMITS:
            kind = "limit"
        self._of_turn(at, kind, "rule", _ended_text(event))

    def _words(self) -> str | None:
        """Return what the orchestrator said in its last turn, beside calls and fields."""
        if self.turn is None or self.turn.replied is None:
            return None
        return self.bound.optional(words_of(self.turn.replied.reply.text))

    def _of_turn(
        self, at: float, kind: DecisionKind, by: Decider, reason: str, **others: Any
    ) -> None:
        """Add a decision that a turn of the orchestrator led to, if it is one."""
        turn, self.turn = self.turn, None
        replied = None if turn is None else turn.replied
        if turn is None or replied is None:
            self._plain(at, kind, reason, by=by, **others)
            return
        self.found.append(
            PageDecision(
                turn=turn.number,
                at=turn.asked_at,
                ended_at=max(turn.asked_at, at),
                kind=kind,
                by=by,
                sentence=decision_sentence(
                    kind, by, turn=turn.number, explore_ids=others.get("explore_ids", ())
                ),
                reason=self.bound.shown(reason),
                usage=usage_view(replied.charge.usage),
                cost_usd=replied.charge.shown_cost,
                **others,
            )
        )

    def _plain(
        self, at: float, kind: DecisionKind, reason: str, *, by: Decider = "rule", **others: Any
    ) -> None:
        """Add a decision that is no turn's."""
        reason = self.bound.shown(reason)
        sentence = decision_sentence(kind, by, explore_ids=others.get("explore_ids", ()))
        self.found.append(
            PageDecision(
                at=at,
                ended_at=at,
                kind=kind,
                by=by,
                sentence=sentence,
                reason=reason,
                **others,
            )
        )


def page_decisions(records: Iterable[Record], state: RunState, bound: Bound) -> list[PageDecision]:
    """Return the decisions about the course of a run, in the order in which they were taken.

    What is decided about questions is none of them.
    """
    decisions = _Decisions(state, bound)
    for record in own_records(records):
        decisions.read(record)
    return decisions.found


def _resumed_text(event: RunResumed) -> str:
    if event.lifts:
        return "The stop was taken back."
    limits: list[str] = []
    if event.max_explores is not None:
        limits.append(f"with up to {counted(event.max_explores, 'explore')}")
    if event.max_cost_usd is not None:
        limits.append(f"within {money_text(event.max_cost_usd)}")
    text = f"It was resumed {' and '.join(limits)}.".replace(" .", ".")
    return (
        f"{text} The orchestrator is to look into this: {event.instruction}"
        if event.instruction
        else text
    )


def _day_cap_text(limit: Decimal, cap: Decimal) -> str:
    return (
        f"The runs of this home have nearly used up the {money_text(cap)} of the day: this run may "
        f"use {money_text(limit)} in all."
    )


def _ended_text(event: RunFinished) -> str:
    """Return why a run ended: the limit that it reached, if it did, and what is said besides."""
    said = event.warning or event.error or event.explanation
    limit = f"{LIMITS[event.stop_reason]}." if event.stop_reason in LIMITS else None
    return " ".join(filter(None, (limit, said))) or "All that was asked for has been done."


def _step_text(planned: Sequence[Planned]) -> str:
    """Return what a workflow without an orchestrator has done next."""
    alone = sum(one.explore.role == SOLVER for one in planned)
    steps = [f"{counted(alone, 'solver')} on the problem alone"] if alone else []
    for one in planned:
        if one.explore.role != SOLVER:
            shown = ", ".join(map(str, one.explore.shows))
            steps.append(f"a {one.explore.role}{f', shown explore {shown}' if shown else ''}")
    return f"Next in the workflow: {'; '.join(steps)}."
