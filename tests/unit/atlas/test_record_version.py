"""The version that records state."""

from __future__ import annotations

from atlas_mcp.atlas.events import RunResumed
from atlas_mcp.atlas.record_version import SCHEMA_VERSION
from tests.support.played_runs import a_run, answers, play, posed


def test_the_records_that_begin_something_state_the_version() -> None:
    run = play(a_run(), answers())
    question = posed(run)[-1].event

    for event in (run.records[0].event, RunResumed("Go on."), question):
        assert getattr(event, "version", None) == SCHEMA_VERSION
