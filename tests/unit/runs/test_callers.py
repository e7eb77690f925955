"""The callers of a process: who is answered, who is cut off, and which run is stopped for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import RunFinished, StopCause
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.errors import JournalError, UnknownRun
from atlas_mcp.journal.clients import CallerState
from atlas_mcp.runs import callers as callers_module
from atlas_mcp.runs.callers import ENDS_KEPT, OwnCallers, RunCaller
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.snapshot import BrokenOff, RunSnapshot
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.played_runs import a_run, play

NOW = 1_000.0


@dataclass
class Stops:
    """The part of an engine that stops runs, and remembers which it was to stop."""

    stopped: list[tuple[str, StopCause, float]] = field(
        default_factory=list[tuple[str, StopCause, float]]
    )
    unknown: bool = False

    async def stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        if self.unknown:
            raise UnknownRun(run_id)
        self.stopped.append((run_id, cause, grace))


class Writes(MemoryJournal):
    """A journal that counts its writes, and that fails or hangs once a test says so.

    A journal that hangs does so until `moves` is set.
    """

    writes = 0
    fails = False
    hangs = False
    moves: anyio.Event

    async def _write(self) -> None:
        self.writes += 1
        if self.hangs:
            self.moves = anyio.Event()
            await self.moves.wait()
        if self.fails:
            raise JournalError("the disk is full")

    @override
    async def mark(self, caller_id: str, state: CallerState) -> None:
        await self._write()
        await super().mark(caller_id, state)

    @override
    async def receive(self, run_id: str, *, until: float = float("inf")) -> None:
        await self._write()
        await super().receive(run_id, until=until)

    @override
    async def wanted(
        self, run_ids: Sequence[str], *, promises: bool, gone: str | None = None
    ) -> dict[str, bool]:
        if self.fails:
            raise JournalError("the disk is full")
        return dict(await super().wanted(run_ids, promises=promises, gone=gone))


@dataclass
class Process:
    """The callers of a process, its journal and the runs that it stopped."""

    journal: Writes
    engine: Stops = field(default_factory=Stops)
    promises: bool = True
    now: float = NOW
    callers: OwnCallers = field(init=False)

    def __post_init__(self) -> None:
        self.callers = OwnCallers(
            journal=self.journal,
            engine=cast("Engine", self.engine),
            grace=7.0,
            promises=self.promises,
            clock=lambda: self.now,
        )

    async def added(self, run_id: str = "r") -> RunCaller:
        return (await self.callers.add(run_id)).caller

    def state(self, caller: RunCaller) -> CallerState | None:
        row = self.journal.store.clients.callers.get(caller.caller_id)
        return None if row is None else row.state


def a_process(store: MemoryStore | None = None, *, promises: bool = True) -> Process:
    return Process(Writes(store or MemoryStore()), promises=promises)


def a_snapshot(
    status: Status = "answered", *, cause: StopCause | None = None, ended_at: float = NOW + 60
) -> RunSnapshot:
    """Return a run that stands so, with its end at that time."""
    played = play(a_run()).state
    finished = None
    if status not in ("running", "interrupted"):
        finished = RunFinished(status, "decided" if status == "answered" else "cancelled")
    state = replace(played, finished=finished, stop_cause=cause, finished_at=ended_at)
    return RunSnapshot("r", state, ended_at, driven=status == "running")


# Cut off


async def test_the_run_of_a_caller_that_was_cut_off_is_stopped_with_the_grace() -> None:
    process = a_process()
    caller = await process.added()
    await process.callers.cut(caller)
    await process.callers.cut(caller)

    assert process.engine.stopped == [("r", "client", 7.0)]
    assert (process.state(caller), caller.waits) == ("cut", False)


async def test_a_run_goes_on_until_the_last_of_its_callers_was_cut_off() -> None:
    store = MemoryStore()
    one, other = a_process(store), a_process(store)
    first, second, third = await one.added(), await one.added(), await other.added()
    await one.callers.cut(first)
    await other.callers.cut(third)
    assert (one.engine.stopped, other.engine.stopped) == ([], [])
    await one.callers.cut(second)

    assert one.engine.stopped == [("r", "client", 7.0)]


async def test_of_callers_that_go_at_once_one_stops_the_run() -> None:
    process = a_process()
    for _ in range(5):
        await process.added()
    await process.added("other")
    async with anyio.create_task_group() as tasks:
        for caller in process.callers.waiting:
            tasks.start_soon(process.callers.cut, caller)
    assert process.callers.waiting == ()

    assert {run_id for run_id, _, _ in process.engine.stopped} == {"r", "other"}


async def test_a_run_of_which_a_caller_was_told_that_it_goes_on_goes_on() -> None:
    process = a_process()
    told, waiting = await process.added(), await process.added()
    assert await process.callers.promise(told)
    process.callers.told(told)
    await process.callers.cut(waiting)
    await process.callers.cut(told)

    assert process.engine.stopped == []
    assert (process.state(told), process.state(waiting)) == ("promised", "cut")


async def test_a_promise_of_another_process_counts_as_long_as_it_is_to_be_kept() -> None:
    store = MemoryStore()
    gone, stays = a_process(store), a_process(store, promises=False)
    assert await gone.callers.promise(await gone.added())
    store.clients.living.clear()
    await stays.callers.cut(await stays.added())

    assert stays.engine.stopped == [("r", "client", 7.0)]


@pytest.mark.parametrize("fault", ["fails", "hangs"])
async def test_a_journal_that_takes_nothing_keeps_no_run_from_being_stopped(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers_module, "ASK_SECONDS", 0.01)
    process = a_process()
    caller = await process.added()
    setattr(process.journal, fault, True)
    await process.callers.cut(caller)

    assert process.engine.stopped == [("r", "client", 7.0)]


@pytest.mark.parametrize("fault", ["fails", "hangs"])
async def test_a_journal_that_takes_nothing_breaks_no_promise_of_this_process(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers_module, "ASK_SECONDS", 0.01)
    process = a_process()
    told, joined = await process.added(), await process.added()
    assert await process.callers.promise(told)
    process.callers.told(told)
    setattr(process.journal, fault, True)
    await process.callers.cut(joined)

    assert process.engine.stopped == []


async def test_a_promise_ends_with_the_run_that_a_user_has_ended() -> None:
    process = a_process()
    told = await process.added()
    assert await process.callers.promise(told)
    process.callers.told(told)
    await process.callers.receive(a_snapshot("cancelled", cause="user"))
    await process.callers.cut(await process.added())

    assert process.engine.stopped == [("r", "client", 7.0)]


async def test_a_caller_whose_run_was_never_opened_stops_nothing() -> None:
    process = a_process()
    process.engine.unknown = True
    opening, adding = await process.added(), await process.added("s")
    await process.callers.cut(opening)
    await process.callers.cut(adding, has_begun=False)

    assert (process.state(opening), process.state(adding)) == ("cut", None)


async def test_a_caller_that_is_cut_off_before_it_is_told_has_no_promise() -> None:
    process = a_process()
    caller = await process.added()
    await process.callers.promise(caller)
    await process.callers.cut(caller)

    assert process.state(caller) == "cut"
    assert process.engine.stopped == [("r", "client", 7.0)]
    assert not await process.callers.promise(caller)


# Answered


async def test_an_end_is_marked_once_for_all_callers_that_asked_before_it() -> None:
    process = a_process()
    callers = [await process.added() for _ in range(3)]
    for caller in callers:
        await process.callers.receive(a_snapshot(), caller)
    await process.callers.receive(a_snapshot())

    assert [process.state(caller) for caller in callers] == ["received"] * 3
    assert process.journal.writes == 1


async def test_a_caller_that_asked_for_more_after_an_end_waits_for_another() -> None:
    process = a_process()
    first = await process.added()
    process.now = NOW + 100
    further = await process.added()
    await process.callers.receive(a_snapshot(), first)

    assert (process.state(first), process.state(further)) == ("received", "waiting")
    await process.callers.receive(a_snapshot(), further)
    assert process.state(further) == "received"


async def test_the_end_of_a_run_that_goes_on_and_ends_again_is_marked_again() -> None:
    process = a_process()
    await process.callers.receive(a_snapshot(), await process.added())
    again = a_snapshot(ended_at=NOW + 200)
    again = replace(again, state=replace(again.state, seq=again.state.seq + 5))
    caller = await process.added()
    await process.callers.receive(again)

    assert process.state(caller) == "received"


@pytest.mark.parametrize("status", ["interrupted", "cancelled"])
async def test_a_run_that_can_go_on_was_not_received(status: Status) -> None:
    process = a_process()
    caller, other = await process.added(), await process.added()
    await process.callers.promise(other)
    run = a_snapshot(status, cause="client" if status == "cancelled" else None)
    await process.callers.receive(run)
    await process.callers.receive(run, caller)

    assert (process.state(caller), process.state(other)) == ("cut", "promised")
    assert process.engine.stopped == []


async def test_a_run_that_broke_off_was_not_received() -> None:
    process = a_process()
    caller = await process.added()
    await process.callers.receive(replace(a_snapshot(), broken=BrokenOff("Full.", 1)), caller)

    assert process.state(caller) == "cut"


async def test_a_run_that_a_user_ended_was_received() -> None:
    process = a_process()
    caller = await process.added()
    await process.callers.receive(a_snapshot("cancelled", cause="user"))

    assert process.state(caller) == "received"


async def test_a_journal_that_takes_nothing_keeps_no_caller_from_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    process = a_process()
    told, answered = await process.added(), await process.added()
    process.journal.fails = True
    assert not await process.callers.promise(told)
    process.callers.told(told)
    await process.callers.receive(a_snapshot(), answered)

    assert not told.waits
    assert not answered.waits
    assert caplog.text.count("the disk is full") == 2
    process.journal.fails = False
    await process.callers.receive(a_snapshot())
    assert process.state(answered) == "received", "it is tried again"


async def test_few_ends_are_remembered() -> None:
    process = a_process()
    for number in range(ENDS_KEPT + 10):
        await process.callers.receive(replace(a_snapshot(), run_id=str(number)))
    before = process.journal.writes
    await process.callers.receive(replace(a_snapshot(), run_id=str(ENDS_KEPT)))
    assert process.journal.writes == before
    await process.callers.receive(replace(a_snapshot(), run_id="0"))

    assert process.journal.writes == before + 1


async def test_all_are_gone_once_what_follows_from_their_cut_is_on_record() -> None:
    process = a_process()
    await process.callers.gone()
    caller = await process.added()
    gone = anyio.Event()

    async def wait() -> None:
        await process.callers.gone()
        gone.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        process.journal.hangs = True
        tasks.start_soon(process.callers.cut, caller)
        await anyio.wait_all_tasks_blocked()
        assert not caller.waits
        assert not gone.is_set()
        process.journal.hangs = False
        process.journal.moves.set()
    assert gone.is_set()
    assert process.engine.stopped == [("r", "client", 7.0)]
