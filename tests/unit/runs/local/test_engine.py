"""The engine of this process, beyond the suite that every engine passes."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import create_task_group
from typing_extensions import override

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import Record, RunFinished, RunResumed, StopRequested
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalBusy, JournalError, RunExists
from atlas_mcp.journal.base import EngineJournal, Lease, LiveRequest
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.engine import OpenRun, ResumeRun
from atlas_mcp.runs.local.engine import LocalEngine, open_local_engine
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


class Late(SqliteJournal):
    """A journal that finds a run free, which another process claims right then."""

    other: SqliteJournal

    @override
    async def is_driven(self, run_id: str) -> bool:
        driven = await super().is_driven(run_id)
        if not driven:
            await self.other.claim(run_id)
        return driven


async def test_of_two_who_resume_a_run_at_once_one_drives_it_and_the_other_is_content(
    tmp_path: Path,
) -> None:
    """Both wanted it to go on, and it does; only raising a limit comes too late for the other."""
    journal = Late(tmp_path)
    journal.other = SqliteJournal(tmp_path)
    for run_id in ("one", "two"):
        await journal.release(await journal.open_run(run_id, first_record()))

    async with open_service(Settings(home=tmp_path), journal=journal) as service:
        await service.resume("one")
        with pytest.raises(JournalBusy):
            await service.resume("two", max_cost_usd=50)

        assert service.driven == ()
        assert len(await journal.read("one")) == 1
    await journal.other.aclose()


class Failing(MemoryJournal):
    """A journal whose appends fail, or never return, once a test says so."""

    error: JournalError | None = None
    hangs = False

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if self.hangs:
            await anyio.sleep_forever()
        if self.error is not None:
            raise self.error
        await super().append(lease, records)


@asynccontextmanager
async def engine_over(
    journal: EngineJournal, model: HeldModel, *, places: int = 4
) -> AsyncGenerator[LocalEngine]:
    pool = Pool(Settings(home=Path("unused")), {model.name: model})
    states = RecentStates(journal)
    async with open_local_engine(journal, pool, states, places=places, day_cap_usd=None) as engine:
        yield engine


def a_run(model: HeldModel) -> OpenRun:
    spec = ModelSpec(model.name)
    budget = Budget(max_cost_usd=None)
    return OpenRun(Problem("6 * 7?"), RunSpec("atlas", spec, (SolverSpec("s", spec),), budget))


async def test_a_submission_with_pictures_and_prices_is_known_again_from_its_records(
    tmp_path: Path,
) -> None:
    """Its pictures are stored apart, and its amounts as text."""
    picture = Image("image/png", base64.b64encode(b"7" * 200_000).decode())
    price = Price(Decimal("0.30"), Decimal("1E+1"))
    model = HeldModel(agreeing)
    spec = ModelSpec(model.name, price=price)
    problem = Problem("How many?", (picture,), {"type": "integer", "enum": [1, 2.0, None]})
    budget = Budget(max_cost_usd=Decimal("5.00"), time_limit_s=60.0)
    run = RunSpec("atlas", spec, (SolverSpec("s", spec, quota=3),), budget, retries=RetryPolicy())
    submission = OpenRun(problem, run)
    journal = SqliteJournal(tmp_path)
    async with engine_over(journal, model) as engine:
        model.hold()
        assert await engine.submit("r", submission)
        assert not await engine.submit("r", submission)
        with pytest.raises(RunExists):
            await engine.submit("r", replace(submission, problem=replace(problem, images=())))
    await journal.aclose()


async def test_a_run_that_broke_off_is_shown_as_it_was_until_it_goes_on() -> None:
    journal, model = Failing(MemoryStore()), HeldModel(agreeing)
    async with engine_over(journal, model) as engine:
        model.hold()
        await engine.submit("r", a_run(model))
        await model.reach(2)
        async with engine.follow("r") as live:
            journal.error = JournalError("the disk is full")
            model.release()
            with anyio.fail_after(10):
                await live.finished()
        async with engine.follow("r") as broken:
            assert broken is live
            shown = broken.snapshot()
        assert shown.broken is not None
        assert (shown.broken.cause, shown.driven) == ("the disk is full", False)
        assert shown.now == shown.state.at

        journal.error = None
        assert await engine.submit("r", ResumeRun())
        async with engine.follow("r") as resumed:
            assert resumed is not live
            with anyio.fail_after(10):
                await resumed.finished()
            assert resumed.snapshot().broken is None
            assert resumed.state.finished is not None


async def test_a_caller_that_waits_no_longer_for_the_end_finds_what_is_not_stored_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal, model = Failing(MemoryStore()), HeldModel(agreeing)
    with caplog.at_level(logging.WARNING, "atlas_mcp.runs.local.driven_runs"):
        async with engine_over(journal, model) as engine:
            model.hold()
            await engine.submit("r", a_run(model))
            await model.reach(2)
            journal.hangs = True
            with anyio.move_on_after(0.05) as waited:
                await engine.leave(grace=0.0)
            assert waited.cancelled_caught
            assert engine.driven == ("r",)
            (told,) = caplog.messages
            assert "run r: the journal did not confirm its last records in time" in told
            journal.hangs = False


async def test_runs_beyond_its_places_wait_in_line_and_are_shown_there() -> None:
    journal, model = MemoryJournal(MemoryStore()), HeldModel(agreeing)
    async with engine_over(journal, model, places=1) as engine:
        model.hold()
        for run_id in ("first", "second"):
            await engine.submit(run_id, a_run(model))
        await model.reach(2)
        async with engine.follow("second") as live:
            assert live.here
            assert "waiting in line" in (live.snapshot().waiting or "")
            model.release()
            with anyio.fail_after(10):
                await live.finished()
            assert live.snapshot().waiting is None


async def test_its_runs_end_with_its_process() -> None:
    async with engine_over(MemoryJournal(MemoryStore()), HeldModel(agreeing)) as engine:
        assert not engine.outlives


async def test_a_user_s_stop_reaches_also_the_process_that_goes_on_with_the_run_meanwhile() -> None:
    store = MemoryStore()
    driver, journal = MemoryJournal(store), MemoryJournal(store)
    lease = await driver.open_run("r", first_record())

    async def asked() -> None:
        while await driver.take_requests() != {"r": LiveRequest("user")}:
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(10):
        async with (
            engine_over(journal, HeldModel(agreeing)) as engine,
            create_task_group() as tasks,
        ):
            tasks.start_soon(engine.stop, "r", "user")
            await asked()
            await driver.append(lease, [Record(2, 2.0, RunResumed("On."))])
            await asked()
            await driver.append(lease, [Record(3, 3.0, StopRequested("user"))])
            await driver.append(lease, [Record(4, 4.0, RunFinished("cancelled", "cancelled"))])
            await driver.release(lease)
    assert await driver.take_requests() == {}
