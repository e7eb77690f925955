"""The first stop of a run counts, and a user's besides, unless the run has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from atlas_mcp.atlas.events import RunFinished, StopCause, StopRequested
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_stopped, stop_events
from tests.support.played_runs import a_run, play

CAUSES: tuple[StopCause, ...] = get_args(StopCause)


def going() -> RunState:
    return RunState.fold(play(a_run()).records[:1])


@pytest.mark.parametrize("cause", CAUSES)
def test_the_first_request_counts_whatever_its_source(cause: StopCause) -> None:
    assert stop_events(going(), cause) == (StopRequested(cause),)
    assert is_stopped(replace(going(), stop_cause=cause))
    assert not is_stopped(going())


@pytest.mark.parametrize("before", CAUSES)
@pytest.mark.parametrize("cause", CAUSES)
def test_a_later_request_counts_only_where_a_user_ends_a_run_left_by_others(
    before: StopCause, cause: StopCause
) -> None:
    counts = cause == "user" and before != "user"
    assert bool(stop_events(replace(going(), stop_cause=before), cause)) == counts


@pytest.mark.parametrize("cause", CAUSES)
def test_nothing_stops_a_run_that_has_ended(cause: StopCause) -> None:
    ended = replace(going(), finished=RunFinished("cancelled", "cancelled"))
    assert stop_events(ended, cause) == ()
    assert is_stopped(ended)
