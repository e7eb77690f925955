"""The live view of a run wakes its watchers at each change, and shows its place in line."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.testing.journal_conformance import first_record


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
            live.done = True
            live.publish()

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
