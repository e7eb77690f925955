"""The pace of updates, on a clock that jumps: one for many changes, and always one for the last."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import anyio
import pytest
from trio.testing import MockClock

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError, UnknownRun
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.snapshot import BrokenOff
from atlas_mcp.server.subscriptions import (
    LEAST_SECONDS,
    LOOK_SECONDS,
    LOOKED_AT_FULL_PACE,
    RunChanges,
)
from atlas_mcp.testing.journal_conformance import first_record, later_record


@pytest.fixture(
    params=[pytest.param(("trio", {"clock": MockClock(autojump_threshold=0)}), id="trio")]
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, MockClock]]:
    """Only trio has a clock that jumps to the next deadline as soon as nothing else can happen."""
    return request.param


@dataclass
class OneRun:
    """Stands in for the service and its records: one run, whose changes a test makes.

    Attributes:
        live: The run.
        stored: Its later records.
        errors: Raised in the place of the next looks at it.
        reads: When its records were read, seconds.
    """

    live: LiveRun
    stored: list[Record] = field(default_factory=list[Record])
    errors: list[Exception] = field(default_factory=list[Exception])
    reads: list[float] = field(default_factory=list[float])

    @property
    def records(self) -> OneRun:
        return self

    @asynccontextmanager
    async def watching(self, run_id: str) -> AsyncGenerator[LiveRun]:
        if self.errors:
            raise self.errors.pop()
        yield self.live

    async def read(self, run_id: str, *, after: int) -> tuple[Record, ...]:
        self.reads.append(anyio.current_time())
        return tuple(record for record in self.stored if record.seq > after)


@dataclass
class Client:
    """A client that takes updates, each for some seconds.

    Attributes:
        seen: The changes that had been made when an update was out, and when that was.
    """

    live: LiveRun
    slowness: float = 0.0
    seen: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])

    async def __call__(self) -> None:
        changes = self.live.changes
        await anyio.sleep(self.slowness)
        self.seen.append((changes, anyio.current_time()))

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.seen]


def a_run(*, done: bool = False) -> LiveRun:
    return LiveRun("run", RunState.fold([first_record()]), done=done)


@asynccontextmanager
async def followed(service: OneRun, tell: Client, told: int = 1) -> AsyncGenerator[None]:
    given = cast("RunService", service)
    async with anyio.create_task_group() as tasks:

        async def follow() -> None:
            await RunChanges().tell(given, "run", tell, told=told)

        tasks.start_soon(follow)
        await anyio.wait_all_tasks_blocked()
        yield
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("slowness", [0.0, 3.0], ids=["that keeps up", "that is slow"])
async def test_a_client_is_not_flooded_and_is_told_of_the_last_change(slowness: float) -> None:
    live = a_run()
    client = Client(live, slowness)
    async with followed(OneRun(live), client):
        for _ in range(1_000):
            live.publish()
            await anyio.sleep(0.01)
        await anyio.sleep(60)

    assert client.seen[-1][0] == 1_000
    assert len(client.seen) <= 10 / max(LEAST_SECONDS, slowness) + 2
    gaps = [round(later - sooner, 6) for sooner, later in pairwise(client.times)]
    assert min(gaps) >= LEAST_SECONDS


async def test_a_change_is_told_at_once_after_a_quiet_time() -> None:
    live = a_run()
    client = Client(live)
    async with followed(OneRun(live), client):
        await anyio.sleep(60)
        changed = anyio.current_time()
        live.publish()
        await anyio.sleep(60)

    assert client.times == [changed]


async def test_the_end_is_told_of_if_it_comes_right_after_another_change() -> None:
    live = a_run()
    client = Client(live)
    async with followed(OneRun(live), client):
        live.publish()
        await anyio.sleep(LEAST_SECONDS / 2)
        live.end()
        await anyio.sleep(60)

    assert [changes for changes, _ in client.seen] == [1, 2]


async def test_a_record_that_came_while_a_client_subscribed_is_told_of() -> None:
    live = a_run()
    client = Client(live)
    async with followed(OneRun(live), client, told=0):
        await anyio.sleep(60)

    assert len(client.seen) == 1


async def test_a_run_that_is_not_driven_is_looked_at_until_it_goes_on() -> None:
    live = a_run(done=True)
    run, client = OneRun(live), Client(live)
    async with followed(run, client):
        await anyio.sleep(10)
        before = list(run.reads)
        live.done = False
        run.stored.append(later_record(2))
        live.publish(live.state.read_on(run.stored))
        await anyio.sleep(10)
        live.publish()
        await anyio.sleep(10)

    assert {later - sooner for sooner, later in pairwise(before)} == {LOOK_SECONDS}
    assert len(run.reads) == len(before) + 1
    assert len(client.seen) == 2


async def test_many_runs_that_are_not_driven_share_a_bounded_rate() -> None:
    many = 10 * LOOKED_AT_FULL_PACE
    live = a_run(done=True)
    run, changes = OneRun(live), RunChanges()
    given = cast("RunService", run)
    with anyio.move_on_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(many):
                tasks.start_soon(lambda: changes.tell(given, "run", Client(live), told=1))

    assert len(run.reads) <= many + 60 / LOOK_SECONDS * LOOKED_AT_FULL_PACE


async def test_a_run_that_broke_off_goes_on_from_its_last_stored_record() -> None:
    live = a_run()
    run, client = OneRun(live), Client(live)
    live.publish(live.state.read_on([later_record(2)]))
    live.break_off(BrokenOff("the disk is full", stored=1))
    live.end()
    async with followed(run, client):
        await anyio.sleep(10)
        told = len(client.seen)
        run.stored.append(later_record(2))
        live.broken = None
        await anyio.sleep(10)

    assert len(client.seen) > told


async def test_updates_go_on_after_the_journal_could_not_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = a_run()
    client = Client(live)
    async with followed(OneRun(live, errors=[JournalError("the disk is away")]), client):
        await anyio.sleep(10)
        live.publish()
        await anyio.sleep(10)

    assert len(client.seen) == 1
    assert "cannot be followed for a client: the disk is away" in caplog.text


async def test_the_removal_of_a_run_is_its_last_update() -> None:
    live = a_run()
    client = Client(live)
    async with followed(OneRun(live, errors=[UnknownRun("run")]), client):
        live.publish()
        await anyio.sleep(10)

    assert len(client.seen) == 1


async def test_a_bug_ends_the_updates_of_one_run_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = a_run()
    async with followed(OneRun(live, errors=[KeyError("a bug")]), Client(live)):
        await anyio.sleep(10)

    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.ERROR, "the updates of run run have ended")
    ]
