"""The state of a run: its facts, folded from its records.

`RunState.fold(records)` is the only way to build one, and a run has no other state. Values only:
applying a record returns a new state. The policy of the run decides the next commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile

from atlas_mcp.atlas.budget import Budget, Ledger
from atlas_mcp.atlas.events import Record, RecordLost, RunOpened
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.losses import UNFIT, after_unfit
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_facts import RunFacts
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.transitions import after


@dataclass(frozen=True, slots=True)
class RunState(RunFacts):
    """The facts of a run after its records so far. Built by `fold`, never by hand."""

    @staticmethod
    def fold(records: Iterable[Record]) -> RunState:
        """Return the state of the run with these records, in order and from the first.

        Raises:
            ValueError: The first does not open a run, or the numbers do not follow.
        """
        rest = iter(records)
        first = next(rest, None)
        if first is None:
            raise ValueError("a run has at least one record")
        return start(first).read_on(rest)

    def read_on(self, records: Iterable[Record]) -> RunState:
        """Return the state after further records that were read back.

        A record that does not fit the state counts as lost, because a record before it is lost or
        it is damaged itself; its money counts all the same.

        Raises:
            ValueError: The numbers do not follow.
        """
        state = self
        for record in records:
            try:
                state = state.apply(record)
            except UNFIT:
                if record.seq != state.seq + 1:
                    raise
                state = replace(after_unfit(state, record), seq=record.seq, at=record.at)
        return state

    def apply(self, record: Record) -> RunState:
        """Return the state after one more record.

        Raises:
            ValueError: The record is not the next one, or does not fit.
        """
        event = record.event
        if record.seq != self.seq + (event.count if isinstance(event, RecordLost) else 1):
            raise ValueError(f"record {record.seq} does not follow record {self.seq}")
        if record.at < self.at:
            # Written under a clock that had been set back: no time passed, rather than less.
            record = replace(record, at=self.at)
        return replace(after(self, record), seq=record.seq, at=record.at)


def start(record: Record) -> RunState:
    """Return the state of a run whose first record this is.

    Raises:
        ValueError: The record neither opens a run nor stands for a lost opening.
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


def quota_used(state: RunFacts, solver: str) -> int:
    """Return how many explores of a run went to `solver`."""
    return sum(
        explore.planned.explore.solver == solver and explore.skipped is None
        for explore in state.explores.values()
    )


def unanswered_in_a_row(state: RunFacts, solver: str) -> int:
    """Return how many of the last explores of `solver` its endpoint left unanswered."""
    outcomes = [e.outcome for e in state.done if e.planned.explore.solver == solver]
    silent = takewhile(
        lambda one: isinstance(one, SolverFailure) and one.kind in ("unavailable", "rejected"),
        reversed(outcomes),
    )
    return sum(1 for _ in silent)


def failed_explores(state: RunFacts) -> tuple[tuple[int, SolverFailure], ...]:
    """Return the explores of a run that failed, by number, each with its failure."""
    return tuple(
        (explore.id, explore.outcome)
        for explore in state.done
        if isinstance(explore.outcome, SolverFailure)
    )
