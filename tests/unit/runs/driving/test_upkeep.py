"""Leases are renewed and requests are carried out, whatever each of them waits for."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as ThreadEvent
from typing import TypeAlias

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Lease, LiveRequest
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving import upkeep
from atlas_mcp.runs.driving.upkeep import Upkeep
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from tests.support.gated_models import Gated, until


class Asked(SqliteJournal):
    """A journal in which other processes ask for stops and lifts, and which counts the looks."""

    asked: Mapping[str, LiveRequest] = {}
    looks = 0
    renewals = 0
    fails = False

    @override
    async def take_requests(self) -> Mapping[str, LiveRequest]:
        self.looks += 1
        if self.fails:
            raise JournalError("it cannot be read")
        asked, self.asked = self.asked, {}
        return {**asked, **await super().take_requests()}

    @override
    async def renew(self) -> tuple[Lease, ...]:
        self.renewals += 1
        if self.fails:
            raise JournalError("it cannot be written")
        return await super().renew()


CarryOut: TypeAlias = Callable[[str, LiveRequest], Awaitable[None]]

USER, CLIENT, LIFT = LiveRequest("user"), LiveRequest("client", 2.5), LiveRequest(None)


@dataclass
class Acts:
    """Acts at requests that wait until they are let."""

    begun: list[tuple[str, LiveRequest]] = field(default_factory=list[tuple[str, LiveRequest]])
    let: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, run_id: str, request: LiveRequest) -> None:
        self.begun.append((run_id, request))
        await self.let.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "WATCH_SECONDS", 0.001)
    monkeypatch.setattr(upkeep, "RENEW_AGAIN_SECONDS", 0.001)


@asynccontextmanager
async def kept_up(journal: Asked, carry_out: CarryOut) -> AsyncGenerator[list[Lease]]:
    """Keep a journal up for the length of a block, and give the leases that were lost."""
    lost: list[Lease] = []
    keeping = Upkeep(journal, carry_out, lost.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeping.keep)
        yield lost
        tasks.cancel_scope.cancel("a test")
    await journal.aclose()


async def test_requests_wait_neither_for_each_other_nor_keep_leases_from_being_renewed(
    tmp_path: Path,
) -> None:
    journal, acts = Asked(tmp_path, lease_seconds=0.003), Acts()
    journal.asked = {"a": USER, "b": CLIENT}
    async with kept_up(journal, acts):
        await until(lambda: journal.renewals >= 3 and journal.looks >= 3)
        begun = sorted(acts.begun, key=lambda one: one[0])
        assert begun == [("a", USER), ("b", CLIENT)], "each once, with its grace"

        for number, request in enumerate((LIFT, CLIENT), start=3):
            journal.asked = {"b": request}
            await until(lambda number=number: len(acts.begun) == number)
            assert acts.begun[-1] == ("b", request), "none of them is taken for an earlier one"


async def test_a_journal_that_fails_for_a_while_is_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    journal, acts = Asked(tmp_path, lease_seconds=0.003), Acts()
    journal.fails = True
    async with kept_up(journal, acts):
        await until(lambda: journal.renewals >= 2 and journal.looks >= 2)
        journal.fails = False
        journal.asked = {"a": USER}
        await until(lambda: bool(acts.begun))

    assert "the leases of running runs could not be renewed: it cannot be written" in caplog.text
    assert "the requests of other processes could not be read: it cannot be read" in caplog.text


async def test_a_stop_that_could_not_be_stored_is_tried_again_before_any_newer_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A request is given once. The only stop that fails is that of a user, which is final."""
    journal, tries = Asked(tmp_path), list[LiveRequest]()

    async def carry_out(run_id: str, request: LiveRequest) -> None:
        tries.append(request)
        journal.asked = {"a": LIFT} if len(tries) == 1 else {}
        if len(tries) < 3:
            raise JournalError("the disk is full")

    journal.asked = {"a": USER}
    async with kept_up(journal, carry_out):
        await until(lambda: len(tries) == 3)
        looks = journal.looks
        await until(lambda: journal.looks > looks + 1)

    assert tries == [USER] * 3
    assert caplog.text.count("run a: that it was stopped could not be stored") == 2


async def test_a_lift_that_could_not_be_stored_is_not_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run has broken off by then."""
    journal, tries = Asked(tmp_path), list[LiveRequest]()

    async def carry_out(run_id: str, request: LiveRequest) -> None:
        tries.append(request)
        raise JournalError("the disk is full")

    journal.asked = {"a": LIFT}
    async with kept_up(journal, carry_out):
        await until(lambda: bool(tries))
        looks = journal.looks
        await until(lambda: journal.looks > looks + 1)

    assert tries == [LIFT]
    assert "run a: that it goes on could not be stored: the disk is full" in caplog.text


async def test_a_run_keeps_its_lease_while_the_disk_holds_up_the_stops_of_others(
    tmp_path: Path,
) -> None:
    disk = ThreadEvent()
    disk.set()
    model = Gated()
    model.held = set(range(6))

    def sync(descriptor: int) -> None:
        assert disk.wait(10), "nobody lets the disk go on"

    settings = Settings(home=tmp_path, solvers={"demo": SolverSettings(model=model.name)})
    pool = Pool(settings, {model.name: model})
    journal = Asked(tmp_path, sync=sync)
    async with open_service(settings, pool=pool, journal=journal) as service:
        runs = [await service.solve(make_problem(f"{n}?"), RunRequest()) for n in range(3)]
        await until(lambda: model.waiting == 6)
        disk.clear()
        journal.lease_seconds = 0.003
        other = SqliteJournal(tmp_path)
        for run_id in runs[:2]:
            await other.request_stop(run_id, "user")
        # Aborted at once, both of them, while neither stop is on disk.
        await until(lambda: model.aborted == 4)
        assert set(service.driven) == set(runs)
        disk.set()
        await until(lambda: service.driven == (runs[2],))
        await other.aclose()
