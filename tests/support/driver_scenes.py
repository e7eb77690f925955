"""A driver with the parts around it, and a model whose calls wait at a gate."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
from typing_extensions import override

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import Record, RunOpened
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.runs.driving.driver import Driver
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.gated_models import until


@dataclass
class Held(Scripted):
    """A model whose calls wait at a gate, and end as a test says.

    Attributes:
        journal: The journal of its run.
        gate: Open from the start; a test that shuts it gives a new event.
        errors: Raised by the next calls, one each.
        stored: The records of the run when each call came.
    """

    journal: MemoryJournal = field(default_factory=lambda: MemoryJournal(MemoryStore()))
    gate: anyio.Event = field(default_factory=anyio.Event)
    errors: list[Exception] = field(default_factory=list[Exception])
    stored: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def __post_init__(self) -> None:
        self.gate.set()

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.stored.append(tuple(one.event.type for one in await self.journal.read("r")))
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        return await super().generate(request, on_tokens=on_tokens, on_usage=on_usage)


class Failing(MemoryJournal):
    """A journal that refuses appends once a test says so, or takes them while its disk is free."""

    error: JournalError | None = None
    disk: anyio.Lock | None = None

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if self.error is not None:
            raise self.error
        async with self.disk or nullcontext():
            await super().append(lease, records)


@dataclass
class Scene:
    """A run, the parts around its driver, and the task that drives it."""

    driver: Driver
    model: Held
    journal: Failing
    errors: list[JournalError] = field(default_factory=list[JournalError])

    @property
    def state(self) -> RunState:
        return self.driver.live.state

    async def recorded(self) -> list[str]:
        return [one.event.type for one in await self.journal.read("r")]

    async def drive(self) -> None:
        try:
            await self.driver.drive()
        except JournalError as error:
            self.errors.append(error)

    async def asked(self, calls: int) -> None:
        """Return once so many calls are open or have been."""
        await until(lambda: len(self.model.stored) >= calls)


def script(request: ModelRequest) -> Says:
    return Says(synthesis_text("42") if request.tools else candidate_text("42"))


def spec_of(model: ModelSpec, *, retry_delay: float = 0.0, **limits: Any) -> RunSpec:
    limits.setdefault("max_cost_usd", None)
    budget = Budget(**limits)
    retries = RetryPolicy(attempts=2, first_delay=retry_delay, longest_delay=retry_delay)
    return RunSpec("atlas", model, (SolverSpec("s", model),), budget, "low", retries=retries)


@asynccontextmanager
async def scene(
    *,
    model: str = "scripted/test",
    day_cap: Decimal | None = None,
    price: Price | None = None,
    **limits: Any,
) -> AsyncGenerator[Scene]:
    journal = Failing(MemoryStore())
    held = Held(script, journal=journal)
    spec = ModelSpec(model, price=price, max_tokens=2_048)
    first = Record(1, 0.0, RunOpened(Problem("6 * 7?"), spec_of(spec, **limits)))
    lease = await journal.open_run("r", first)
    pool = Pool(Settings(home=Path("unused")), {held.name: held})
    live = LiveRun("r", RunState.fold([first]))
    one = Driver(live, lease, journal, pool, Reservation(journal, "r", day_cap))
    try:
        yield Scene(one, held, journal)
    finally:
        await pool.aclose()
