"""The live view of a run wakes its watchers at each change, and shows its place in line."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.snapshot import BrokenOff
from atlas_mcp.testing.journal_conformance import first_record, later_record


@dataclass
class Line:
    """A place that is waited for, or had."""

    where: str | None


def live_run(place: Line | None = None) -> LiveRun:
    return LiveRun("r", RunState.fold([first_record()]), place=place)


async def test_a_watcher_wakes_at_the_next_change_and_at_the_end() -> None:
    live, woken = live_run(), list[str]()

    async def watch() -> None:
        await live.changed(live.changes)
        woken.append("changed")
        await live.finished()
        woken.append("finished")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await anyio.wait_all_tasks_blocked()
            live.publish()
            await anyio.wait_all_tasks_blocked()
            assert woken == ["changed"]
            live.end()

    assert woken == ["changed", "finished"]


def test_the_place_in_line_is_shown_before_any_other_notice() -> None:
    line = Line("waiting in line")
    live = live_run(line)
    live.tell(Notice("a download"))

    assert live.notice == Notice("waiting in line")
    line.where = None
    assert live.waiting is None
    assert live.notice == Notice("a download")


def test_the_same_notice_again_is_no_change() -> None:
    live = live_run()
    live.tell(Notice("a download"))
    before = live.changes
    live.tell(Notice("a download"))
    assert live.changes == before
    live.tell(None)
    assert live.changes == before + 1


async def test_news_of_a_run_that_another_process_drives_bring_its_time_along() -> None:
    live = live_run()
    state = RunState.fold([first_record(), later_record(2)])
    live.follow_up(state, driven=True)
    assert (live.state, live.done) == (state, False)
    assert live.clock.now() >= state.at

    live.follow_up(state, driven=False)
    assert live.done


async def test_a_run_that_broke_off_is_shown_at_the_time_of_its_last_state() -> None:
    live = live_run()
    live.break_off(BrokenOff("the disk is full", 1))
    assert live.snapshot().broken is None, "its driver may still get its records stored"

    live.end()
    shown = live.snapshot()
    assert (shown.now, shown.driven) == (live.state.at, False)
    assert shown.broken == BrokenOff("the disk is full", 1)


def test_tokens_are_shown_for_as_long_as_their_call_is_in_flight() -> None:
    live = live_run()
    live.count_tokens("solver-1", 7)
    live.count_tokens("solver-2", 9)
    live.count_tokens("solver-1", None)
    live.count_tokens("solver-1", None)
    assert live.tokens == {"solver-2": 9}
