"""The part of deciding that all workflows share: the end of a run, and a stop of it."""

from __future__ import annotations

from atlas_mcp.atlas.events import Event, StopRequested
from atlas_mcp.atlas.policy import is_over, next_commands
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import a_run, answers, play


def test_no_command_follows_the_end() -> None:
    run = play(a_run(), answers())

    assert run.records[-1].event == run.end
    state = RunState.fold(run.records)
    assert state.finished == run.end
    assert next_commands(state) == ()
    assert is_over(state)


def test_a_stop_starts_nothing_and_waits_for_what_is_open() -> None:
    def stop(state: RunState) -> Event | None:
        return StopRequested("user") if state.stop_cause is None else None

    run = play(a_run(prefetch=3, max_parallel=2), meanwhile=stop)

    assert run.order == "ss"
    assert (run.end.status, run.end.stop_reason) == ("cancelled", "cancelled")
    assert len(run.state.votes) == 2
