"""A run is folded from its records, and from its records alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings

from atlas_mcp.atlas.budget import Ledger
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    Planned,
    Record,
    RecordLost,
    RunOpened,
    SolverFinished,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore, Outcome
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState, failed_explores, quota_used, start, unanswered_in_a_row
from atlas_mcp.atlas.transitions import UNKNOWN_MODEL
from atlas_mcp.atlas.usage import Charge
from tests.support.drawing import draws
from tests.support.drawn_runs import runs
from tests.support.played_runs import (
    Played,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    followed_by,
    found,
    play,
)


@given(runs())
@settings(max_examples=draws(40), deadline=None)
def test_the_records_of_a_run_fold_to_its_live_state_also_cut_at_any_of_them(run: Played) -> None:
    written = [encode_event(record.event) for record in run.records]
    read = [
        Record(record.seq, record.at, decode_event(line))
        for record, line in zip(run.records, written, strict=True)
    ]

    assert read == run.records
    assert all("\n" not in line for line in written)
    for cut, live in enumerate(run.live, start=1):
        state = RunState.fold(read[:cut])
        assert state == live
        assert next_commands(state) == next_commands(live)


def opened(spec: RunSpec | None = None) -> Record:
    return Record(1, 5.0, RunOpened(Problem("How many?"), spec or a_run()))


def test_a_new_run_has_its_problem_its_limits_and_its_whole_cap() -> None:
    state = start(opened(a_run(max_cost_usd="2", max_explores=3)))

    assert (state.problem.text, state.opened_at, state.seq, state.at) == ("How many?", 5.0, 1, 5.0)
    assert (state.budget.max_explores, state.ledger) == (3, Ledger(Decimal(2)))
    assert (state.explores, state.turns, state.finished, state.lost) == ({}, (), None, 0)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Record(1, 0.0, ExploringClosed())],
        [Record(2, 0.0, RunOpened(Problem("?"), a_run()))],
        [Record(2, 0.0, RecordLost("missing"))],
        [opened(), Record(3, 6.0, ExploringClosed())],
        [opened(), Record(1, 6.0, ExploringClosed())],
    ],
    ids=["none", "no opening", "opens as 2", "a loss that is no beginning", "a gap", "again"],
)
def test_records_that_are_no_beginning_of_a_run_are_not_folded(records: list[Record]) -> None:
    with pytest.raises(ValueError, match="record"):
        RunState.fold(records)


def test_a_live_record_that_does_not_fit_is_refused_and_a_stored_one_counts_as_lost() -> None:
    second = Record(2, 6.0, RunOpened(Problem("Again?"), a_run()))

    with pytest.raises(ValueError, match="opened once"):
        start(opened()).apply(second)
    read = RunState.fold([opened(), second])
    assert (read.lost, read.seq, read.at, read.problem.text) == (1, 2, 6.0, "How many?")


def test_a_state_is_read_on_from_any_of_its_records() -> None:
    run = play(a_run(), explores({}), answers())

    for cut, live in enumerate(run.live, start=1):
        assert live.read_on(run.records[cut:]) == run.state


def test_applying_a_record_leaves_the_state_before_it_as_it_was() -> None:
    before = start(opened())

    after = before.apply(Record(2, 6.0, StopRequested("user")))

    assert (before.stop_cause, before.seq) == (None, 1)
    assert (after.stop_cause, after.seq, after.at) == ("user", 2, 6.0)


def test_time_never_runs_backwards_under_a_clock_that_was_set_back() -> None:
    state = RunState.fold([opened(), Record(2, 1.0, ExploringClosed())])

    assert state.at == 5.0


def test_a_statement_of_lost_records_stands_for_as_many_numbers_as_it_says() -> None:
    lost = RecordLost("they are missing", count=3)

    state = RunState.fold([opened(), Record(4, 6.0, lost), Record(5, 7.0, ExploringClosed())])

    assert (state.lost, state.seq, state.exploring_closed) == (3, 5, True)


def test_a_run_whose_opening_is_lost_keeps_its_title_and_the_names_of_its_solvers() -> None:
    planned = ExploresPlanned("client", (Planned(1, Explore("far")),))

    state = RunState.fold(
        [Record(2, 5.0, RecordLost("gone", count=2, title="How m")), Record(3, 6.0, planned)]
    )

    assert (state.opening_lost, state.lost, state.problem.text) == (True, 2, "How m")
    assert [(one.name, one.spec.model) for one in state.spec.solvers] == [("far", UNKNOWN_MODEL)]
    assert (state.budget.max_cost_usd, state.ledger.limit) == (None, None)


def solver_ended(*outcomes: Outcome, skipped: bool = False) -> RunState:
    """Return a client's run of solver `s`, with an explore for each of `outcomes`."""
    spec = a_run(a_solver("s"), a_solver("t"), workflow="explore", prefetch=0, max_cost_usd=None)
    plans = tuple(Planned(n, Explore("s")) for n in range(1, len(outcomes) + 2))
    events: list[Event] = [ExploresPlanned("client", plans)]
    for number, outcome in enumerate(outcomes, start=1):
        events += [
            SolverStarted(number, Decimal(0)),
            SolverFinished(number, outcome, Charge()),
        ]
    if skipped:
        events.append(ExploresSkipped((len(plans),), "too late"))
    return RunState.fold(followed_by([opened(spec)], *events))


def test_the_quota_of_a_solver_is_used_by_all_but_skipped_explores() -> None:
    assert quota_used(solver_ended(found()), "s") == 2, "one has an outcome, one waits"
    assert quota_used(solver_ended(found(), skipped=True), "s") == 1
    assert quota_used(solver_ended(found()), "t") == 0


@pytest.mark.parametrize(
    ("outcomes", "count"),
    [
        ((), 0),
        ((found(), failed("unavailable"), failed("rejected")), 2),
        ((failed("unavailable"), found()), 0),
        ((failed("unavailable"), failed("timeout"), failed("unavailable")), 1),
    ],
)
def test_only_the_last_unanswered_explores_of_a_solver_are_counted(
    outcomes: tuple[Outcome, ...], count: int
) -> None:
    assert unanswered_in_a_row(solver_ended(*outcomes), "s") == count
    assert unanswered_in_a_row(solver_ended(*outcomes), "t") == 0


def test_failed_explores_are_told_by_number_with_their_failures() -> None:
    state = solver_ended(found(), failed("timeout"), found(), failed("refused"))

    assert failed_explores(state) == ((2, failed("timeout")), (4, failed("refused")))
