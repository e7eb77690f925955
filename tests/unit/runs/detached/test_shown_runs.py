"""A driver's run as its server shows it: records from the journal, the rest from the driver."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.atlas.events import ExploresPlanned, Planned, Record, StopRequested
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.detached.driver_process import Showing
from atlas_mcp.runs.detached.messages import Shown, UnstoredRecord
from atlas_mcp.runs.detached.shown_runs import shown_run
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.snapshot import BrokenOff
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.opened_runs import client_opening

PLANNED = ExploresPlanned("client", (Planned(2, Explore("s")),))


@dataclass
class Scene:
    """A run on record, and the pictures of it."""

    journal: MemoryJournal = field(default_factory=lambda: MemoryJournal(MemoryStore()))
    showing: Showing = field(default_factory=lambda: Showing(1, here=True))

    async def open(self) -> None:
        events = client_opening().events
        self.lease = await self.journal.open_run("r", Record(1, 100.0, events[0]))
        await self.journal.append(self.lease, [Record(2, 100.0, events[1])])

    def shown(self):
        first = Shown(1, 2, done=False, tokens={})
        return shown_run("r", self.showing, first, self.journal, RecentStates(self.journal))


async def test_records_are_read_once_the_driver_says_that_they_are_stored() -> None:
    scene = Scene()
    await scene.open()
    async with scene.shown() as live:
        assert (live.state.seq, live.done, live.here) == (2, False, False)
        await scene.journal.append(scene.lease, [Record(3, 101.0, PLANNED)])
        changes = live.changes
        scene.showing.take(
            Shown(1, 3, done=False, tokens={"solver 1": 5}, notice=Notice("busy"), waiting="third")
        )
        await live.changed(changes)
        while live.state.seq < 3:
            await live.changed(live.changes)
        assert live.tokens == {"solver 1": 5}
        assert live.waiting == "third"
        scene.showing.take(Shown(1, 3, done=True, tokens={}))
        await live.finished()
        assert live.notice is None


async def test_a_run_that_broke_off_is_shown_with_the_records_that_were_not_stored() -> None:
    scene = Scene()
    await scene.open()
    unstored = (
        UnstoredRecord(3, 101.0, encode_event(PLANNED)),
        UnstoredRecord(4, 102.0, encode_event(StopRequested("shutdown"))),
    )
    async with scene.shown() as live:
        broken = BrokenOff("the disk is full", 2)
        scene.showing.take(Shown(1, 2, done=True, tokens={}, broken=broken, unstored=unstored))
        await live.finished()
        assert live.state.seq == 4
        assert live.snapshot().broken == broken
        assert [record.seq for record in live.unstored] == [3, 4]


async def test_after_the_death_of_the_driver_the_journal_says_how_it_goes_on() -> None:
    scene = Scene()
    await scene.open()
    async with scene.shown() as live:
        scene.showing.take(None)
        await scene.journal.append(scene.lease, [Record(3, 101.0, PLANNED)])
        await scene.journal.release(scene.lease)
        with anyio.fail_after(10):
            await live.finished()
        assert (live.state.seq, live.snapshot().status) == (3, "interrupted")
