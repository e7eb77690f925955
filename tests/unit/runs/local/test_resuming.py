"""A run goes on: its stop is lifted, or its end is waited for and the run is claimed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import Record, StopRequested
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput, JournalBusy, JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.engine import OpenRun, ResumeRun
from atlas_mcp.runs.local import resuming
from atlas_mcp.runs.local.engine import LocalEngine, open_local_engine
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


class Asked(MemoryJournal):
    """A journal that counts the requests to lift a stop."""

    lifts = 0

    @override
    async def request_lift(self, run_id: str) -> None:
        self.lifts += 1
        await super().request_lift(run_id)


class Failing(MemoryJournal):
    """A journal whose appends fail once a test says so."""

    error: JournalError | None = None

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if self.error is not None:
            raise self.error
        await super().append(lease, records)


@asynccontextmanager
async def engine_over(journal: MemoryJournal, model: HeldModel) -> AsyncGenerator[LocalEngine]:
    pool = Pool(Settings(home=Path("unused")), {model.name: model})
    states = RecentStates(journal)
    async with open_local_engine(journal, pool, states, places=4, day_cap_usd=None) as engine:
        yield engine


def a_run(model: HeldModel) -> OpenRun:
    spec = ModelSpec(model.name)
    budget = Budget(max_cost_usd=None)
    return OpenRun(Problem("6 * 7?"), RunSpec("atlas", spec, (SolverSpec("s", spec),), budget))


async def begin_and_stop(engine: LocalEngine, model: HeldModel) -> None:
    """Open a run, and stop it for its client while its first two calls wait, in their grace."""
    model.hold()
    await engine.submit("r", a_run(model))
    await model.reach(2)
    await engine.stop("r", "client", grace=60.0)


async def test_a_process_that_does_not_answer_is_waited_for_no_longer_than_is_stated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be frozen: it holds the run, which is to stop, and hears of nothing."""
    monkeypatch.setattr(resuming, "LET_GO_SECONDS", 0.05)
    store = MemoryStore()
    frozen, journal = MemoryJournal(store), Asked(store)
    lease = await frozen.open_run("r", first_record())
    await frozen.append(lease, [Record(2, 2.0, StopRequested("client"))])
    async with engine_over(journal, HeldModel(agreeing)) as engine:
        with pytest.raises(JournalBusy):
            await engine.submit("r", ResumeRun())
        assert journal.lifts == 1
        with pytest.raises(JournalBusy):
            await engine.submit("r", ResumeRun(max_explores=100))
        assert journal.lifts == 1, "a request has no limits"
        assert len(await journal.read("r")) == 2


@pytest.mark.parametrize("cause", ["user", "shutdown"])
async def test_no_lift_is_asked_of_a_run_that_is_to_stop_for_another_cause(
    cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "LET_GO_SECONDS", 0.05)
    store = MemoryStore()
    frozen, journal = MemoryJournal(store), Asked(store)
    lease = await frozen.open_run("r", first_record())
    stop = StopRequested("user" if cause == "user" else "shutdown")
    await frozen.append(lease, [Record(2, 2.0, stop)])
    async with engine_over(journal, HeldModel(agreeing)) as engine:
        with pytest.raises(JournalBusy):
            await engine.submit("r", ResumeRun())
    assert journal.lifts == 0


async def test_a_run_whose_driver_gave_it_back_before_it_was_asked_goes_on_here() -> None:
    store, model = MemoryStore(), HeldModel(agreeing)
    leaving, journal = MemoryJournal(store), Asked(store)
    async with engine_over(leaving, model) as driver, engine_over(journal, model) as engine:
        model.hold()
        await driver.submit("r", a_run(model))
        await model.reach(2)
        await driver.stop("r", "client", grace=60.0)

        async def leave() -> None:
            await driver.leave(grace=0.0)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
            with anyio.fail_after(10):
                assert await engine.submit("r", ResumeRun())
        assert engine.driven + driver.driven == ("r",)
        model.release()


async def test_a_lift_that_cannot_be_recorded_is_the_error_of_the_submission() -> None:
    journal, model = Failing(MemoryStore()), HeldModel(agreeing)
    async with engine_over(journal, model) as engine:
        await begin_and_stop(engine, model)
        journal.error = JournalError("the disk is full")
        with pytest.raises(JournalError, match="the disk is full"):
            await engine.submit("r", ResumeRun())
        journal.error = None


async def test_a_caller_that_is_cancelled_leaves_no_hole_in_the_records() -> None:
    journal, model = MemoryJournal(MemoryStore()), HeldModel(agreeing)
    async with engine_over(journal, model) as engine:
        await begin_and_stop(engine, model)
        async with anyio.create_task_group() as caller:
            caller.start_soon(engine.submit, "r", ResumeRun())
            caller.start_soon(engine.submit, "r", ResumeRun(max_explores=1))
            caller.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        model.release()
        async with engine.follow("r") as live:
            with anyio.fail_after(10):
                await live.finished()
        assert live.broken is None
    assert [one.seq for one in await journal.read("r")] == list(range(1, live.state.seq + 1))


async def test_a_limit_that_cannot_be_is_refused_and_the_run_is_still_to_stop() -> None:
    journal, model = MemoryJournal(MemoryStore()), HeldModel(agreeing)
    async with engine_over(journal, model) as engine:
        await begin_and_stop(engine, model)
        with pytest.raises(InvalidInput, match="max_explores"):
            await engine.submit("r", ResumeRun(max_explores=1))
        async with engine.follow("r") as live:
            assert live.state.stop_cause == "client"
