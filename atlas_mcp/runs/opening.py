"""Opening the service of a home, or a part of its journal, for the length of a block.

Owns the order in which their parts are opened and closed: the engine leaves its runs first, then
the models are closed, and the journal last, since it gives the leases back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.closing import last_act
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.settings_digest import settings_digest
from atlas_mcp.errors import HomeUnusable, JournalError, JournalInUse
from atlas_mcp.journal.base import EngineJournal, Journal
from atlas_mcp.journal.clients import Callers, Drivers
from atlas_mcp.journal.registry import open_journal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.callers import OwnCallers
from atlas_mcp.runs.capacity import Capacity
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.runs.demand import Demand
from atlas_mcp.runs.detached.engine import open_detached_engine
from atlas_mcp.runs.detached.starting import start_driver_of
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.joining import Joining
from atlas_mcp.runs.local.engine import open_local_engine
from atlas_mcp.runs.planning import Planner
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.tidying import Tidying
from atlas_mcp.system.orphans import is_init
from atlas_mcp.task_groups import open_task_group

SHUTDOWN_SECONDS = 5.0
"""Seconds for closing models and the journal."""


@dataclass(frozen=True, slots=True)
class Driving:
    """All that a driver works with.

    Attributes:
        engine: Drives the runs.
        pool: Their models.
        callers: The tool calls that wait for runs.
        drivers: The drivers of the home.
    """

    engine: Engine
    pool: Pool
    callers: Callers
    drivers: Drivers


@asynccontextmanager
async def open_day_spending(
    settings: Settings, *, looks: bool = False
) -> AsyncGenerator[DaySpending]:
    """Open the money that a home has committed today, for the length of a block.

    Args:
        settings: The configuration.
        looks: Whether it is only looked at, and the journal need not take writes.

    Raises:
        HomeUnusable: The journal cannot be opened.
    """
    async with _open_journal(settings, looks=looks) as journal:
        yield DaySpending(journal, settings.budget.max_cost_usd_per_day)


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    pool: Pool | None = None,
    journal: Journal | None = None,
    retries: RetryPolicy | None = None,
    capacity: Capacity | None = None,
    looks: bool = False,
    driver_environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[RunService]:
    """Open the service for the length of a block; runs still going at its end are interrupted.

    Args:
        settings: The configuration.
        pool: Models to use instead of those the configuration gives.
        journal: A journal to use instead of the one in `settings.home`; closed with the service.
        retries: How the calls of new runs are made again.
        capacity: How much this process carries at once; found out if not given.
        looks: Whether runs are only looked at, so that the journal need not take writes.
        driver_environ: The environment of a process beside this one that is to drive the runs, and
            outlives it; `None` drives them here.

    Raises:
        HomeUnusable: The journal cannot be opened.
    """
    capacity = capacity or Capacity.of_this_process(settings.server.max_runs)
    async with _open_journal(settings, looks=looks, given=journal) as opened:
        pool, states = pool or Pool(settings), RecentStates(opened)
        async with open_task_group() as tasks:
            tasks.start_soon(Tidying(opened, settings.journal, states).keep, name="tidying")
            async with open_engine(
                settings, opened, pool, states, capacity, driver_environ=driver_environ
            ) as engine:
                planner = Planner(settings, pool, opened, retries or RetryPolicy())
                yield _service(settings, opened, pool, planner, engine, states)
            tasks.cancel_scope.cancel("the service ends")


def _service(
    settings: Settings,
    journal: Journal,
    pool: Pool,
    planner: Planner,
    engine: Engine,
    states: RecentStates,
) -> RunService:
    server = settings.server
    promises = server.when_client_leaves == "finish"
    callers = OwnCallers(journal=journal, engine=engine, grace=server.grace_s, promises=promises)
    return RunService(
        settings=settings,
        pool=pool,
        planner=planner,
        engine=engine,
        callers=callers,
        demand=Demand(engine, journal, server.grace_s, finishes=True),
        joining=Joining(planner=planner, engine=engine, callers=callers),
        states=states,
        records=journal,
        index=journal,
        history=journal,
        tasks=journal,
        drivers=journal,
        patience=journal,
    )


@asynccontextmanager
async def open_engine(
    settings: Settings,
    journal: Journal,
    pool: Pool,
    states: RecentStates,
    capacity: Capacity,
    *,
    driver_environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[Engine]:
    """Open an engine and its models for the length of a block.

    Args:
        settings: The configuration.
        journal: The journal that stores the runs' records.
        pool: The models that drive the runs; bounded by `capacity`, and closed with the engine.
        states: The states of the runs that were read last.
        capacity: How much this process carries at once.
        driver_environ: The environment of a process beside this one that is to drive the runs, and
            outlives it; `None` drives them here.
    """
    here = partial(_driving_here, settings, journal, pool, states, capacity)
    opened = here()
    if driver_environ is not None:
        start = partial(start_driver_of, settings.home, driver_environ)
        opened = open_detached_engine(
            states,
            journal,
            journal,
            start,
            journal.owner,
            here,
            settings=settings_digest(settings),
            grace=settings.server.grace_s,
            stays=is_init(),
        )
    try:
        async with opened as engine:
            yield engine
    finally:
        with last_act("closing the models", SHUTDOWN_SECONDS):
            await pool.aclose()


@asynccontextmanager
async def open_driving(settings: Settings) -> AsyncGenerator[Driving]:
    """Open all that a driver works with, for the length of a block.

    Args:
        settings: The configuration.

    Raises:
        HomeUnusable: The journal cannot be opened.
    """
    capacity = Capacity.of_this_process(settings.server.max_runs)
    async with _open_journal(settings) as journal:
        pool, states = Pool(settings), RecentStates(journal)
        async with open_engine(settings, journal, pool, states, capacity) as engine:
            yield Driving(engine, pool, journal, journal)


@asynccontextmanager
async def _driving_here(
    settings: Settings,
    journal: EngineJournal,
    pool: Pool,
    states: RecentStates,
    capacity: Capacity,
) -> AsyncGenerator[Engine]:
    pool.calls.bound(capacity.calls)
    day_cap = settings.budget.max_cost_usd_per_day
    async with open_task_group() as tasks:
        tasks.start_soon(pool.keep_few_connections, name="connections")
        async with open_local_engine(
            journal, pool, states, places=capacity.runs, day_cap_usd=day_cap
        ) as engine:
            yield engine
        tasks.cancel_scope.cancel("the engine has closed")


@asynccontextmanager
async def _open_journal(
    settings: Settings, *, looks: bool = False, given: Journal | None = None
) -> AsyncGenerator[Journal]:
    """Open the journal of a home, or take the given one, for the length of a block."""
    journal = given or await _opened_journal(settings, looks=looks)
    try:
        yield journal
    finally:
        # Whatever became of the models: it gives the leases back.
        with last_act("closing the journal", SHUTDOWN_SECONDS):
            await journal.aclose()


async def _opened_journal(settings: Settings, *, looks: bool) -> Journal:
    opened = partial(open_journal, settings.home, looks=looks)
    try:
        return await anyio.to_thread.run_sync(opened)
    except JournalInUse:
        raise
    except JournalError as error:
        raise HomeUnusable(str(error)) from error
