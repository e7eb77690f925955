"""Which record changed an explore last."""

from __future__ import annotations

from atlas_mcp.atlas.events import CallsLost, RunResumed
from atlas_mcp.views.page.changes import last_changes
from tests.support.page_documents import eventful
from tests.support.played_runs import followed_by


def test_the_last_change_of_an_explore_is_its_outcome() -> None:
    run = eventful()

    changed = last_changes(run.records)

    assert changed == {one.id: one.ended_seq for one in run.state.done}


def test_a_resumption_changes_the_explores_without_a_candidate() -> None:
    run = eventful()
    records = followed_by(run.records, RunResumed("Go on.", max_explores=9))
    before, after = last_changes(run.records), last_changes(records)

    assert {one for one in after if after[one] != before[one]} == {2}
    assert last_changes(followed_by(run.records, CallsLost()))[2] == len(records)
