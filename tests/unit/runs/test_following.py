"""A run of another process is brought up to date until no process drives it."""

from __future__ import annotations

import logging

import anyio
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.following import follow, follow_on
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.testing.journal_conformance import first_record, later_record
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


async def test_records_are_shown_as_they_come_with_their_time() -> None:
    store = MemoryStore()
    driver, other = MemoryJournal(store), MemoryJournal(store)
    lease = await driver.open_run("r", first_record())
    live = LiveRun("r", RunState.fold([first_record()]), clock=RunClock(1.0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, live, other)
        await driver.append(lease, [later_record(2)])
        with anyio.fail_after(5):
            while live.state.seq < 2:
                await live.changed(live.changes)
        assert not live.done
        assert live.clock.now() >= later_record(2).at
        await driver.release(lease)
        with anyio.fail_after(5):
            await live.finished()

    assert live.state == RunState.fold(await other.read("r"))


async def test_a_run_that_is_followed_no_more_is_left_as_it_is() -> None:
    journal = MemoryJournal(MemoryStore())
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2)])
    live = LiveRun("r", RunState.fold([first_record()]), done=True)
    with anyio.fail_after(5):
        await follow(live, journal)

    assert live.state.seq == 1


async def test_a_run_that_was_taken_over_is_shown_from_its_records() -> None:
    """The state that this process showed may be ahead of them."""
    journal = MemoryJournal(MemoryStore())
    lease = await journal.open_run("r", first_record())
    await journal.release(lease)
    records = [first_record(), later_record(2)]
    live = LiveRun("r", RunState.fold(records))

    async def state(run_id: str) -> RunState:
        return RunState.fold(await journal.read(run_id))

    with anyio.fail_after(5):
        await follow_on(live, journal, state)

    assert (live.state.seq, live.done) == (1, True)


async def test_a_run_that_cannot_be_read_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def state(run_id: str) -> RunState:
        raise JournalError("the disk is gone")

    live = LiveRun("r", RunState.fold([first_record()]))
    with caplog.at_level(logging.ERROR, "atlas_mcp.runs.following"):
        await follow_on(live, MemoryJournal(MemoryStore()), state)

    assert caplog.messages == ["run r can be watched no longer: the disk is gone"]
