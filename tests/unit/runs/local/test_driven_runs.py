"""Runs of this process, each from its lease to its return; a bug in one ends no other."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import RunOpened
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.config.settings import Settings
from atlas_mcp.journal.base import Lease
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.claims import Claims
from atlas_mcp.runs.driving.driver import Driver
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.driven_runs import DrivenRuns
from atlas_mcp.runs.local.line import Line
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


@dataclass
class Scene:
    """Driven runs, their claims, and the model that they ask."""

    runs: DrivenRuns
    claims: Claims
    model: HeldModel
    journal: MemoryJournal

    async def begin(self, run_id: str) -> LiveRun:
        """Open a run, drive it and return it."""
        spec = ModelSpec(self.model.name)
        run = RunSpec("atlas", spec, (SolverSpec("s", spec),), Budget(max_cost_usd=None))
        claimed = await self.claims.open(run_id, [RunOpened(Problem("6 * 7?"), run)])
        self.runs.drive(run_id, claimed)
        return self.driver(run_id).live

    def driver(self, run_id: str) -> Driver:
        driver = self.runs.driver(run_id)
        assert driver is not None
        return driver


@asynccontextmanager
async def scene(*, places: int = 4) -> AsyncGenerator[Scene]:
    journal, model = MemoryJournal(MemoryStore()), HeldModel(agreeing)
    pool = Pool(Settings(home=Path("unused")), {model.name: model})
    claims = Claims(journal, journal)
    async with anyio.create_task_group() as tasks:
        states = RecentStates(journal)
        runs = DrivenRuns(journal, pool, claims, states, tasks, Line(places), None)
        yield Scene(runs, claims, model, journal)
        tasks.cancel_scope.cancel()


async def finished(live: LiveRun) -> None:
    with anyio.fail_after(10):
        await live.finished()


async def test_a_run_is_driven_to_its_end_and_its_lease_is_given_back() -> None:
    async with scene() as on:
        live = await on.begin("r")
        driver = on.driver("r")
        assert on.runs.ids == ("r",)
        assert on.runs.drivers() == (driver,)
        await finished(live)

        assert (on.runs.ids, on.runs.newest_driver("r")) == ((), None)
        assert not await on.journal.is_driven("r")
        assert live.state.finished is not None


async def test_a_run_that_is_left_has_its_lease_given_back_and_no_end() -> None:
    async with scene() as on:
        on.model.hold()
        live = await on.begin("r")
        driver = on.driver("r")
        await on.model.reach(2)

        with anyio.fail_after(10):
            await on.runs.leave(driver, grace=0.0)
            assert not await on.journal.is_driven("r")
            await on.runs.leave(driver, grace=0.0)

        assert (on.runs.ids, live.state.finished) == ((), None)


async def test_a_run_in_line_begins_once_a_place_is_free_and_ends_at_once_if_stopped() -> None:
    async with scene(places=1) as on:
        on.model.hold()
        first, second, third = [await on.begin(name) for name in ("first", "second", "third")]
        await on.model.reach(2)
        assert (second.waiting, third.waiting) != (None, None)
        await on.runs.stop(on.driver("second"), "user")
        await finished(second)
        assert on.model.arrived == 2, "it asked nothing"
        on.model.release()
        await finished(first)
        await finished(third)

        assert [run.state.finished is not None for run in (first, second, third)] == [True] * 3


async def test_a_run_that_a_bug_keeps_from_being_stopped_is_aborted_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def buggy(self: Driver, cause: str, *, grace: float = 0.0) -> None:
        raise ZeroDivisionError

    async with scene() as on:
        on.model.hold()
        broken, other = await on.begin("broken"), await on.begin("other")
        await on.model.reach(4)
        with monkeypatch.context() as patched:
            patched.setattr(Driver, "stop", buggy)
            with caplog.at_level(logging.ERROR, "atlas_mcp.runs.local.driven_runs"):
                await on.runs.stop(on.driver("broken"), "user")
        await finished(broken)
        assert broken.state.finished is None
        assert "run broken could not be stopped, and is aborted" in caplog.messages
        on.model.release()
        await finished(other)

        assert other.state.finished is not None


async def test_only_the_run_of_a_lost_lease_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as on:
        on.model.hold()
        live = await on.begin("r")
        await on.model.reach(2)
        on.runs.give_up(Lease("r", 99))
        on.runs.give_up(Lease("gone", 1))
        assert on.runs.ids == ("r",)

        with caplog.at_level(logging.WARNING, "atlas_mcp.runs.local.driven_runs"):
            on.runs.give_up(on.driver("r").lease)
            await finished(live)
        assert not live.here
        assert "run r has been taken over by another process" in caplog.text


async def test_a_bug_in_a_driver_ends_its_run_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def buggy(self: Driver) -> None:
        raise ZeroDivisionError

    async with scene() as on:
        monkeypatch.setattr(Driver, "drive", buggy)
        with caplog.at_level(logging.ERROR, "atlas_mcp.runs.local.driven_runs"):
            await finished(await on.begin("r"))

        assert caplog.messages == ["run r broke off"]
        assert await on.runs.broken_off("r") is None, "its journal took every record"
        assert not await on.journal.is_driven("r")
