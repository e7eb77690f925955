"""The time line of a run."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given

from atlas_mcp.atlas.call_names import solver_call
from atlas_mcp.atlas.events import AttemptFailed, CallsLost, Record
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.views.page.timeline import page_timeline
from tests.support.drawn_runs import runs
from tests.support.page_documents import eventful, snapshot_of
from tests.support.played_runs import Played, failed, followed_by


def bars_of(records: list[Record], *, driven: bool = False) -> list[tuple[object, ...]]:
    timeline = page_timeline(records, snapshot_of(records, driven=driven))
    return [
        (lane.name, bar.label, bar.kind, bar.start, bar.to, bar.state)
        for lane in timeline.lanes
        for bar in lane.bars
    ]


def until_started(count: int) -> list[Record]:
    """Return the records of a run with so many solvers at work."""
    records = eventful().records
    return records[: 2 + count]


def test_every_call_is_a_bar_in_its_lane() -> None:
    assert bars_of(eventful().records) == [
        ("Orchestrator", "turn 1", "orchestrator", 6.0, 7.0, "ok"),
        ("Orchestrator", "turn 2", "orchestrator", 11.0, 12.0, "ok"),
        ("Solvers 1", "#1 a direct", "solver", 2.0, 4.0, "ok"),
        ("Solvers 1", "#3 a work_backwards", "solver", 9.0, 10.0, "ok"),
        ("Solvers 2", "#2 b first_principles", "solver", 3.0, 5.0, "failed"),
    ]


def test_a_call_that_goes_on_has_no_end() -> None:
    assert bars_of(until_started(1), driven=True) == [
        ("Solvers", "#1 a direct", "solver", 2.0, None, "running")
    ]


def test_a_call_whose_process_is_gone_is_lost_at_the_last_record() -> None:
    records = until_started(2)

    assert [bar[3:] for bar in bars_of(records)] == [(2.0, 3.0, "lost"), (3.0, 3.0, "lost")]
    resumed = followed_by(records, CallsLost(), at=900.0)
    assert [bar[3:] for bar in bars_of(resumed)] == [(2.0, 3.0, "lost"), (3.0, 3.0, "lost")]


def test_a_retry_waits_and_is_a_bar_of_its_own() -> None:
    retry = AttemptFailed(solver_call(1), 1, failed("unavailable"), NO_CHARGE, 9.0)
    records = followed_by(until_started(1), retry, at=5.0)

    waiting = bars_of(records, driven=True)
    assert [bar[1:] for bar in waiting] == [
        ("#1 a direct", "solver", 2.0, 5.0, "failed"),
        ("waits before attempt 2", "wait", 5.0, 9.0, "ok"),
        ("#1 a direct, attempt 2", "solver", 9.0, None, "running"),
    ]
    assert [bar[1:] for bar in bars_of(records)] == [
        ("#1 a direct", "solver", 2.0, 5.0, "failed"),
        ("waits before attempt 2", "wait", 5.0, 5.0, "ok"),
    ]


@given(runs())
def test_the_bars_of_a_lane_never_overlap(run: Played) -> None:
    for count in range(1, len(run.records) + 1, 7):
        records = run.records[:count]
        timeline = page_timeline(records, snapshot_of(records, driven=True))
        for lane in timeline.lanes:
            for one, other in pairwise(lane.bars):
                assert one.to is not None
                assert one.start <= one.to <= other.start
