"""The end of exploring, of a call and of a run follow from the state."""

from __future__ import annotations

import math
from typing import Any

import pytest

from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.deadlines import (
    CLOSING_SECONDS,
    SYNTHESIS_SECONDS,
    SYNTHESIS_SHARE,
    closes_at,
    deadline_of,
    ends_at,
    explores_until,
    late_text,
    prepared_by,
)
from atlas_mcp.atlas.events import (
    ExploresPlanned,
    ExploringClosed,
    Planned,
    Record,
    RunOpened,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import a_run, answers, explores, followed_by, play


def opened(**limits: Any) -> RunState:
    """Return a run that was opened at 5 s, with one explore planned."""
    first = Record(1, 5.0, RunOpened(Problem("How many?"), a_run(prefetch=1, **limits)))
    plan = ExploresPlanned("prefetch", (Planned(1, Explore("s")),))
    return RunState.fold(followed_by([first], plan))


def calling(at: float, **limits: Any) -> tuple[RunState, RunSolver]:
    """Return a run whose only solver was called at `at`."""
    state = opened(**limits)
    (call,) = next_commands(state)
    assert isinstance(call, RunSolver)
    return state.apply(Record(state.seq + 1, at, call.intent)), call


def test_a_run_has_no_deadline_before_its_first_call() -> None:
    state = opened(time_limit_s=60.0)

    assert (ends_at(state), explores_until(state), closes_at(state)) == (math.inf,) * 3


def test_preparing_its_models_takes_at_most_the_time_limit_of_a_run() -> None:
    assert prepared_by(opened(time_limit_s=60.0), 7.0) == 67.0


def test_time_counts_from_the_first_call_and_leaves_the_synthesis_its_part() -> None:
    long, _ = calling(100.0, time_limit_s=1_000.0)
    short, _ = calling(100.0, time_limit_s=100.0)

    assert (ends_at(long), explores_until(long)) == (1_100.0, 1_100.0 - SYNTHESIS_SECONDS)
    assert explores_until(short) == 200.0 - 100.0 / SYNTHESIS_SHARE


def test_exploring_is_closed_once_and_not_after_the_end() -> None:
    state, _ = calling(100.0, time_limit_s=1_000.0)
    closed = RunState.fold(followed_by([*records_of(state)], ExploringClosed()))

    assert closes_at(state) == explores_until(state)
    assert closes_at(closed) == math.inf


def records_of(state: RunState) -> list[Record]:
    first = Record(1, 5.0, RunOpened(state.problem, state.spec))
    plan = ExploresPlanned("prefetch", (Planned(1, Explore("s")),))
    start = Record(3, state.at, SolverStarted(1, state.ledger.held["solver-1"]))
    return [*followed_by([first], plan), start]


@pytest.mark.parametrize(
    ("limits", "deadline", "text"),
    [
        ({"solver_time_limit_s": 30.0}, 130.0, "no reply within its time limit"),
        (
            {"time_limit_s": 100.0},
            175.0 + CLOSING_SECONDS,
            "no reply within the run's time limit",
        ),
    ],
    ids=["its own", "the run's"],
)
def test_a_solver_s_call_has_the_earlier_of_two_deadlines(
    limits: dict[str, Any], deadline: float, text: str
) -> None:
    state, call = calling(100.0, **limits)

    assert deadline_of(state, call) == deadline
    assert late_text(state, call) == text


def test_the_orchestrator_may_take_until_the_run_is_over() -> None:
    run = play(a_run(time_limit_s=100.0), explores({}), answers())
    ask = run.asks[0]
    state = next(state for state in run.live if state.turn_in_flight)

    assert deadline_of(state, ask) == ends_at(state)
