"""A run that has lost any of its records folds, and goes on to an end.

Runs of every kind are played, and any of their records but the first are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.events import (
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    RecordLost,
    SolverFinished,
    SolverReplied,
)
from atlas_mcp.atlas.resuming import abandonment, resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.drawing import draws
from tests.support.drawn_runs import OUTCOMES, SAYINGS, cycled, played, specs
from tests.support.played_runs import Played, a_run, answers, followed_by, play
from tests.support.stopped_runs import every_call_is_answered


class Damaged:
    """A run of which records are lost, and how it goes on. No dataclass: those are printed."""

    def __init__(
        self,
        whole: Played,
        records: Sequence[Record],
        go_on: Callable[[Sequence[Record]], Played],
    ) -> None:
        self.whole = whole
        self.records = records
        self.go_on = go_on

    @property
    def state(self) -> RunState:
        return RunState.fold(self.records)


RESULTS = (SolverReplied, SolverFinished, OrchestratorReplied, OrchestratorFailed)


@st.composite
def damaged(draw: st.DrawFn, kinds: tuple[type, ...] = (object,)) -> Damaged:
    spec = draw(specs())
    run = played(draw, spec)
    cut = draw(st.integers(1, len(run.records)))
    lost = draw(st.sets(st.integers(2, len(run.records)), min_size=1, max_size=4))
    sayings = draw(st.lists(SAYINGS, min_size=1, max_size=4))
    outcomes: list[Any] = draw(st.lists(OUTCOMES, min_size=1, max_size=4))
    records = [
        replace(record, event=RecordLost("it is missing"))
        if record.seq in lost and isinstance(record.event, kinds)
        else record
        for record in run.records[:cut]
    ]

    def go_on(records: Sequence[Record]) -> Played:
        return play(
            spec, *sayings, solve=cycled(outcomes), price=lambda hold: hold, go_on_from=records
        )

    return Damaged(run, records, go_on)


def limits_for(state: RunState) -> dict[str, Any]:
    """Return limits that are high enough to go on with what was found."""
    spent = state.ledger.committed + 1
    cap = state.budget.max_cost_usd
    most = max(state.budget.max_explores, state.used_explores) + 2
    return {"max_explores": most} | ({} if cap is None else {"max_cost_usd": max(cap + 1, spent)})


@given(damaged())
@settings(max_examples=draws(150), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_what_is_left_can_be_seen_and_is_told_to_be_incomplete(one: Damaged) -> None:
    state = one.state
    view = view_of(RunSnapshot("r", state, state.at, driven=False))
    whole = RunState.fold(one.whole.records[: len(one.records)])
    gone = sum(isinstance(record.event, RecordLost) for record in one.records)

    assert (state.lost >= gone, bool(state.lost)) == (True, bool(gone))
    assert any("incomplete" in told for told in view.agreement.warnings) == bool(gone)
    assert view.model_validate_json(view.model_dump_json()).run_id == "r"
    assert {explore.id for explore in state.done} <= {explore.id for explore in whole.done}
    for explore in state.done:
        assert explore.outcome == whole.explores[explore.id].outcome
    assert state.seq == whole.seq


@given(damaged())
@settings(max_examples=draws(100), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_run_of_which_records_are_lost_goes_on_to_an_end_within_its_limits(
    one: Damaged,
) -> None:
    before = one.state
    events = resumption(before, **limits_for(before))
    on = one.go_on(followed_by(one.records, *events))

    limit = on.state.budget.max_cost_usd
    assert on.state.finished is not None
    assert on.state.ledger.held == {}
    assert limit is None or on.state.ledger.committed <= limit
    assert on.state == RunState.fold(on.records)
    candidates = {vote.explore_id for vote in before.votes}
    assert not {call.intent.explore_id for call in on.solves} & candidates
    assert candidates <= {vote.explore_id for vote in on.state.votes}
    for ask in on.asks:
        assert every_call_is_answered(ask.request.turns)


@given(damaged())
@settings(max_examples=draws(50), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_run_of_which_records_are_lost_can_be_ended(one: Damaged) -> None:
    events = abandonment(one.state)
    ended = RunState.fold(followed_by(one.records, *events))

    assert ended.finished is not None
    assert not (events and ended.calls_in_flight)


@given(damaged(RESULTS))
@settings(max_examples=draws(100), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_what_a_lost_result_cost_counts_as_gone(one: Damaged) -> None:
    """At most the money held for its call: the true cost is lost."""
    whole = RunState.fold(one.whole.records[: len(one.records)])

    assert one.state.ledger.committed >= whole.ledger.committed


def test_a_call_whose_end_is_lost_counts_as_spent_when_its_run_goes_on() -> None:
    """Its true cost is lost: at most the money that was held for it."""
    run = play(a_run())
    ends = next(r.seq for r in run.records if isinstance(r.event, SolverFinished))
    records = [
        replace(record, event=RecordLost("it is missing")) if record.seq == ends else record
        for record in run.records[:ends]
    ]
    state = RunState.fold(records)
    held = state.ledger.committed

    on = RunState.fold(followed_by(records, *resumption(state)))

    assert held > 0
    assert on.ledger.committed == held


def test_a_run_whose_turns_have_lost_their_replies_can_be_ended() -> None:
    run = play(a_run(prefetch=0), answers(), answers())
    asked = [record.seq for record in run.records if isinstance(record.event, OrchestratorAsked)]
    records = [
        replace(record, event=RecordLost("it is missing"))
        if isinstance(record.event, OrchestratorReplied)
        else record
        for record in run.records[: asked[1]]
    ]

    ended = RunState.fold(followed_by(records, *abandonment(RunState.fold(records))))

    assert len(asked) > 1
    assert ended.finished is not None
    assert not ended.calls_in_flight
