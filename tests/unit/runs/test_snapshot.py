"""Where a run stands at one moment."""

from __future__ import annotations

from atlas_mcp.runs.snapshot import RunSnapshot
from tests.support.played_runs import a_run, play


def test_a_run_without_an_end_is_running_or_interrupted_by_whether_it_is_driven() -> None:
    run = play(a_run())
    opened, ended = run.live[0], run.state

    assert RunSnapshot("r", opened, 0.0, driven=True).status == "running"
    assert RunSnapshot("r", opened, 0.0, driven=False).status == "interrupted"
    assert RunSnapshot("r", ended, 0.0, driven=True).status == "answered"
