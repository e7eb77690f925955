"""The view of a run whose journal took no more: its cause, its losses, and the way on."""

from __future__ import annotations

from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import BrokenOff, RunSnapshot
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.played_runs import a_run, play


def broken(state: RunState, stored: int | None = None, *, lost: int = 0, cut: int = 0) -> RunView:
    last = state.seq - 1 if stored is None else stored
    broken = BrokenOff("the disk is full", last, lost, cut)
    return view_of(RunSnapshot("r", state, state.at, driven=False, broken=broken))


def test_a_run_that_broke_off_says_why_what_is_lost_and_how_to_go_on() -> None:
    view = broken(play(a_run()).live[5], lost=1, cut=2)

    assert view.status == "interrupted"
    assert view.explanation == "The run broke off, and nothing more is spent. the disk is full."
    assert view.next is not None
    assert "1 reply is shown here but not stored" in view.next
    assert "2 calls were cut off in flight" in view.next
    assert "resume_run with run_id='r'" in view.next


def test_an_end_that_was_not_stored_is_shown_with_a_warning() -> None:
    view = broken(play(a_run()).state)

    assert view.answer == "42"
    assert view.agreement.warnings[0].startswith("The end of this run could not be stored.")
    assert view.next is not None
    assert view.next.startswith("No reply that was paid for is lost.")


def test_an_end_that_was_stored_is_shown_as_any_other() -> None:
    state = play(a_run()).state

    assert broken(state, stored=state.seq) == view_of(RunSnapshot("r", state, 0.0, driven=False))
