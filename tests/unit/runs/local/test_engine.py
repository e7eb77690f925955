"""The engine of this process: what it is given, what it returns, and whose runs it leaves alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import RunOpened
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput, JournalBusy
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.engine import ResumeRun
from atlas_mcp.runs.local.engine import LocalEngine, open_local_engine
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.planning import Planner
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.journal_conformance import first_record
from tests.support.gated_models import Gated, until


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


@asynccontextmanager
async def engine_over(home: Path, model: Gated) -> AsyncGenerator[tuple[LocalEngine, Planner]]:
    settings = Settings(home=home, solvers={"demo": SolverSettings(model=model.name)})
    pool, journal = Pool(settings, {model.name: model}), SqliteJournal(home)
    opening = open_local_engine(journal, pool, RecentStates(journal), places=4, day_cap_usd=None)
    try:
        async with opening as engine:
            yield engine, Planner(settings, pool, journal, RetryPolicy())
    finally:
        await journal.aclose()


async def test_a_submitted_run_is_on_record_under_the_given_id_and_driven(tmp_path: Path) -> None:
    model = Gated()
    model.held = {0, 1}
    async with engine_over(tmp_path, model) as (engine, planner):
        submission = await planner.solve(make_problem("6 * 7?"), RunRequest())
        assert await engine.submit("chosen", submission)

        records = await engine.records.read("chosen")
        assert records[0].event == RunOpened(submission.problem, submission.spec)
        assert engine.driven == ("chosen",)
        await until(lambda: model.waiting == 2)

        async with engine.follow("chosen") as live:
            await engine.stop("chosen", "user")
        assert live.state.finished is not None
        assert live.state.finished.status == "cancelled"
        assert engine.driven == ()


async def test_a_run_that_is_going_is_not_resumed_a_second_time(tmp_path: Path) -> None:
    model = Gated()
    model.held = {0, 1}
    async with engine_over(tmp_path, model) as (engine, planner):
        await engine.submit("r", await planner.solve(make_problem("6 * 7?"), RunRequest()))
        assert not await engine.submit("r", ResumeRun())
        with pytest.raises(InvalidInput, match="still going"):
            await engine.submit("r", ResumeRun(max_explores=20))
        await engine.stop("r", "user")


async def test_only_a_user_stops_a_run_that_this_engine_does_not_drive(tmp_path: Path) -> None:
    model = Gated()
    async with engine_over(tmp_path, model) as (engine, _):
        lease = await engine.records.open_run("left", first_record())
        await engine.leases.release(lease)

        await engine.stop("left", "client")
        assert len(await engine.records.read("left")) == 1
        await engine.stop("left", "user")
        state = await engine.states.state("left")
        assert state.finished is not None
        assert state.finished.status == "cancelled"


async def test_runs_that_are_left_can_be_followed_to_where_they_were_left(tmp_path: Path) -> None:
    model = Gated()
    model.held = {0, 1}
    async with engine_over(tmp_path, model) as (engine, planner):
        await engine.submit("r", await planner.solve(make_problem("6 * 7?"), RunRequest()))
        async with engine.follow("r") as live:
            assert live.here
            await engine.leave(grace=0.0)
            await live.finished()
        assert engine.driven == ()
        async with engine.follow("r") as live:
            assert live.done
            assert live.state.finished is None
