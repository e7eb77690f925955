"""Records are shown at once, stored in their order, and offered again where the journal fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.arrived import solver_replied
from atlas_mcp.atlas.events import (
    ExploresPlanned,
    ExploringClosed,
    Planned,
    Record,
    RunOpened,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, JournalUnflushed
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.driving import recorder
from atlas_mcp.runs.driving.recorder import Recorder
from atlas_mcp.runs.live import LiveRun
from tests.support.played_runs import a_run
from tests.support.strange_replies import CANDIDATE, usual


class Faulty(SqliteJournal):
    """A journal whose appends wait for a gate, and fail as often as a test says."""

    error: JournalError | None = None
    failures = 1_000
    gate: anyio.Event | None = None

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None and self.failures > 0:
            self.failures -= 1
            raise self.error
        await super().append(lease, records)


@dataclass
class Told:
    """The news that a recorder gave."""

    taken_over: int = 0
    broken: list[JournalError] = field(default_factory=list[JournalError])


@dataclass
class Scene:
    """A recorder of a run with an open call, its journal, and its news."""

    recorder: Recorder
    journal: Faulty
    told: Told

    async def keep_closing(self) -> bool:
        return await self.recorder.record(ExploringClosed())

    async def stored(self) -> list[str]:
        return [one.event.type for one in await self.journal.read("r")]


@asynccontextmanager
async def scene(tmp_path: Path) -> AsyncGenerator[Scene]:
    journal = Faulty(tmp_path)
    first = Record(1, 0.0, RunOpened(Problem("How many?"), a_run()))
    lease = await journal.open_run("r", first)
    told = Told()

    def taken_over() -> None:
        told.taken_over += 1

    live = LiveRun("r", RunState.fold([first]))
    one = Recorder(live, lease, journal, taken_over, told.broken.append)
    plan = ExploresPlanned("prefetch", (Planned(1, Explore("s")),))
    assert await one.record(plan, SolverStarted(1, FREE))
    try:
        yield Scene(one, journal, told)
    finally:
        await journal.aclose()


async def test_a_batch_is_shown_before_it_is_stored_and_stored_in_its_order(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as on:
        on.journal.gate = anyio.Event()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(on.keep_closing)
                await anyio.wait_all_tasks_blocked()
                assert on.recorder.live.state.exploring_closed
                assert on.recorder.unstored == (1, 0)
                on.journal.gate.set()
                await on.recorder.settled()

        assert on.recorder.unstored == (0, 0)
        assert await on.stored() == [
            "run_opened",
            "explores_planned",
            "solver_started",
            "exploring_closed",
        ]


async def test_a_run_that_was_taken_over_is_no_longer_ours_to_write(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.journal.error = JournalBusy("another process has it")

        assert not await on.keep_closing()

        assert (on.recorder.lost, on.told.taken_over, on.told.broken) == (True, 1, [])
        assert on.recorder.unstored == (0, 0)


async def test_a_journal_that_takes_no_more_stops_the_run_and_is_offered_all_again(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as on:
        full = on.journal.error = JournalError("the disk is full")
        on.journal.failures = 1

        assert await on.keep_closing()
        reply = solver_replied(1, usual(CANDIDATE))
        await on.recorder.record(reply)

        assert on.told.broken == [full]
        assert on.recorder.live.state.stop_cause == "shutdown"
        assert on.recorder.unstored == (3, 1), "the end of exploring, the stop and the reply"
        await on.recorder.end(cut_off=2)
        assert (await on.stored())[-3:] == ["exploring_closed", "stop_requested", "solver_replied"]
        broken = on.recorder.live.broken
        assert broken is not None
        assert (broken.cause, broken.lost_replies, broken.cut_off) == ("the disk is full", 0, 2)
        assert broken.stored == on.recorder.live.state.seq
        assert on.recorder.live.unstored == ()


async def test_records_that_are_never_taken_are_told_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SALVAGE_SECONDS", 0.01)
    async with scene(tmp_path) as on:
        on.journal.error = JournalCorrupt("it is damaged")

        await on.recorder.record(solver_replied(1, usual(CANDIDATE)))
        await on.recorder.end(cut_off=0)

        broken = on.recorder.live.broken
        assert broken is not None
        assert (broken.stored, broken.lost_replies, broken.damaged) == (3, 1, True)
        assert (await on.stored())[-1] == "solver_started"
        live = on.recorder.live
        assert [one.event.type for one in live.unstored] == ["solver_replied", "stop_requested"]
        stored = RunState.fold(await on.journal.read("r"))
        assert stored.read_on(live.unstored) == live.state, "another process can show it too"


async def test_records_that_were_stored_and_not_flushed_are_not_offered_again(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as on:
        on.journal.error = JournalUnflushed("the disk has not taken it")

        await on.keep_closing()

        assert on.recorder.unstored == (1, 0), "only the stop"
        await on.recorder.end(cut_off=0)
        assert on.recorder.unstored == (0, 0)


async def test_nothing_is_told_at_the_end_of_a_run_whose_journal_never_failed(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as on:
        await on.recorder.end(cut_off=3)

        assert on.recorder.live.broken is None
        assert not isinstance(on.recorder.live.state.stop_cause, StopRequested)
