"""Every engine passes the suite that is shipped with the package, over every journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.config.settings import Settings
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.processes import LEASE_SECONDS
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.local.engine import open_local_engine
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.testing.engine_conformance import (
    Check,
    Stand,
    following,
    lifts,
    questions,
    stops,
    submissions,
    takeovers,
)
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.drivers import PipedDrivers

PARTS = (submissions, stops, lifts, following, takeovers, questions)
CHECKS = [check for part in PARTS for check in part.CHECKS]


@dataclass
class Clock:
    """Seconds that only a check moves."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class LocalStand(Stand):
    """Engines of this process on the journals that `make` returns."""

    make: Callable[[], Journal]
    clock: Clock
    model: str = "scripted/test"
    _model: HeldModel = field(default_factory=lambda: HeldModel(agreeing))

    @property
    @override
    def calls(self) -> HeldModel:
        return self._model

    @property
    @override
    def lease_seconds(self) -> float:
        return LEASE_SECONDS

    @override
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Engine]:
        journal, pool = self.make(), Pool(Settings(home=Path("unused")), {self.model: self.calls})
        states = RecentStates(journal)
        try:
            async with open_local_engine(
                journal, pool, states, places=4, day_cap_usd=None
            ) as engine:
                yield engine
        finally:
            await journal.aclose()

    @override
    def journal(self) -> Journal:
        return self.make()

    @override
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


@dataclass
class DetachedStand(LocalStand):
    """Engines that have their runs driven at the other ends of pipes."""

    @override
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Engine]:
        async with PipedDrivers(self.make, self.calls).engine() as engine:
            yield engine


@pytest.mark.every_day(24)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_an_engine_with_a_driver_of_its_own_conforms(check: Check, tmp_path: Path) -> None:
    clock = Clock()
    await check(DetachedStand(lambda: SqliteJournal(tmp_path / "home", clock=clock), clock))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_engine_of_this_process_conforms_over_sqlite(
    check: Check, tmp_path: Path
) -> None:
    clock = Clock()
    await check(LocalStand(lambda: SqliteJournal(tmp_path / "home", clock=clock), clock))


@pytest.mark.every_day(24)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_engine_of_this_process_conforms_over_a_journal_in_memory(check: Check) -> None:
    clock, store = Clock(), MemoryStore()
    await check(LocalStand(lambda: MemoryJournal(store, clock=clock), clock))
