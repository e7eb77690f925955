"""One run of the list of runs."""

from __future__ import annotations

from atlas_mcp.atlas.summary import RunSummary
from atlas_mcp.journal import base
from atlas_mcp.journal.listed import ListedRun


def test_a_listed_run_is_its_summary_and_what_only_the_store_knows() -> None:
    run = ListedRun(1.0, 2.0, "running", "atlas", "Why?", run_id="r", size_bytes=9, driven=True)

    assert isinstance(run, RunSummary)
    assert run.owner is None
    assert base.ListedRun is ListedRun
