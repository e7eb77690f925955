"""The service: owns the runs of this process, whoever asked for them.

A run belongs to the service and not to a request. Requests open runs, wait for them and look at
them; the service drives them in its own task group until they end, and keeps their leases alive.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc
import anyio.to_thread

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunOpened,
    StopCause,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.pool import RunSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.rendering import view_run
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.view import RunView
from atlas_mcp.config import Settings
from atlas_mcp.errors import AtlasError, InvalidInput, JournalError
from atlas_mcp.journal.base import Journal, Lease, RunSummary
from atlas_mcp.journal.sqlite import LEASE_SECONDS, SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.retry import RetryPolicy
from atlas_mcp.runs.driver import Driver
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.request import Wish, make_explores, plan_explores, plan_solve
from atlas_mcp.runs.tasks import open_task_group

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.5
"""Seconds between looks at a run that another process drives."""

ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a run id: none that are mistaken for another."""

ID_LETTERS = 14
"""Letters of a run id: 69 bits, which nobody guesses."""


@dataclass(frozen=True, slots=True)
class ExploreWish:
    """What a client asks of its explores; `None` leaves a thing to the run."""

    solver: str | None = None
    effort: str | None = None
    strategy: str | None = None
    instruction: str | None = None
    count: int = 1


@dataclass(slots=True)
class RunService:
    """Opens, drives and shows runs. Made by `open_service`, never by hand."""

    settings: Settings
    journal: Journal
    pool: Pool
    tasks: anyio.abc.TaskGroup
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    _drivers: dict[str, Driver] = field(init=False, default_factory=dict[str, Driver])

    async def solve(self, problem: Problem, wish: Wish) -> LiveRun:
        """Open an ATLAS run and drive it; returns at once.

        Raises:
            InvalidInput: An argument breaks a rule. Nothing was spent.
            ConfigError: The configuration cannot serve the run. Nothing was spent.
        """
        # The price tables load for a fifth of a second when first asked.
        spec = await anyio.to_thread.run_sync(
            lambda: plan_solve(problem, wish, pool=self.pool, settings=self.settings)
        )
        return await self._open(problem, spec)

    async def explore(
        self, problem: Problem, wish: Wish, explores: ExploreWish, *, run_id: str | None = None
    ) -> LiveRun:
        """Run explores that the client asks for, under a new run or one it has; returns at once.

        Raises:
            InvalidInput: An argument breaks a rule. Nothing was spent.
            ConfigError: The configuration cannot serve the run. Nothing was spent.
            JournalError: There is no such run, or another process drives it.
        """
        if run_id is not None:
            return await self._explore_further(problem, explores, run_id)
        if explores.solver is not None:
            wish = Wish(
                solvers=[explores.solver],
                max_explores=wish.max_explores,
                max_cost_usd=wish.max_cost_usd,
                time_limit_s=wish.time_limit_s,
                seed=wish.seed,
            )
        spec = await anyio.to_thread.run_sync(
            lambda: plan_explores(
                problem, wish, explores.count, pool=self.pool, settings=self.settings
            )
        )
        return await self._open(problem, spec, _planned(spec, explores, used=0))

    async def stop(self, run_id: str, cause: StopCause) -> None:
        """Ask a run of this process to stop; nothing happens to one that has ended."""
        driver = self._drivers.get(run_id)
        if driver is not None:
            await driver.stop(cause)

    def live(self, run_id: str) -> LiveRun | None:
        """Return the run if this process drives it."""
        driver = self._drivers.get(run_id)
        return None if driver is None else driver.live

    async def state(self, run_id: str) -> RunState:
        """Return what the run amounts to.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self.live(run_id)
        return live.state if live is not None else RunState.fold(await self.journal.read(run_id))

    async def view(self, run_id: str) -> RunView:
        """Return the run as a caller sees it.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self.live(run_id)
        if live is not None:
            return _view_live(live)
        driven = await self.journal.is_driven(run_id)
        return view_run(run_id, await self.state(run_id), now=time.time(), driven=driven)

    async def wait(self, run_id: str, seconds: float) -> RunView:
        """Return the run as soon as it has ended, or as it is after `seconds`.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self.live(run_id)
        if live is not None:
            with anyio.move_on_after(seconds):
                await live.finished()
            return _view_live(live)
        view = await self.view(run_id)
        with anyio.move_on_after(seconds):
            while view.status == "running":
                await anyio.sleep(FOLLOW_SECONDS)
                view = await self.view(run_id)
        return view

    async def list_runs(self, *, limit: int = 100) -> tuple[RunSummary, ...]:
        """Return the newest runs of this machine, newest first."""
        return await self.journal.list_runs(limit=limit)

    async def keep_leases(self) -> None:
        """Renew the leases of the runs in hand, for as long as the service lives."""
        while True:
            await anyio.sleep(LEASE_SECONDS / 3)
            try:
                await self.journal.renew()
            except JournalError:
                logger.exception("the leases of running runs could not be renewed")

    async def _explore_further(
        self, problem: Problem, explores: ExploreWish, run_id: str
    ) -> LiveRun:
        if run_id in self._drivers:
            raise InvalidInput("run_id", f"{run_id!r} is still exploring; call get_run first")
        _check_same_problem(await self.state(run_id), problem, run_id)
        lease = await self.journal.claim(run_id)
        try:
            # Read again under the lease: another process may have added to it meanwhile.
            state = RunState.fold(await self.journal.read(run_id))
            left = state.explores_left
            if explores.count > left:
                raise InvalidInput("count", f"is {explores.count}; run {run_id!r} has {left} left")
            event = _planned(state.spec, explores, used=len(state.explores))
            record = Record(state.seq + 1, time.time(), event)
            await self.journal.append(lease, [record])
        except AtlasError:
            await self.journal.release(lease)
            raise
        return self._drive(run_id, state.apply(record), lease)

    async def _open(
        self, problem: Problem, spec: RunSpec, planned: ExploresPlanned | None = None
    ) -> LiveRun:
        run_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LETTERS))
        events: list[Event] = [RunOpened(problem, spec)]
        if planned is not None:
            events.append(planned)
        now = time.time()
        records = [Record(seq, now, event) for seq, event in enumerate(events, start=1)]
        lease = await self.journal.open_run(run_id, records[0])
        if len(records) > 1:
            await self.journal.append(lease, records[1:])
        return self._drive(run_id, RunState.fold(records), lease)

    def _drive(self, run_id: str, state: RunState, lease: Lease) -> LiveRun:
        live = LiveRun(run_id, state)
        driver = Driver(live, lease, self.journal, self.pool, self.retries)
        self._drivers[run_id] = driver
        self.tasks.start_soon(self._carry, driver, name=f"run {run_id}")
        return live

    async def _carry(self, driver: Driver) -> None:
        run_id = driver.live.run_id
        try:
            await driver.drive()
        except Exception:
            logger.exception("run %s broke off", run_id)
        finally:
            self._drivers.pop(run_id, None)
            driver.live.done = True
            driver.live.publish()
            with anyio.move_on_after(5, shield=True):
                await self.journal.release(driver.lease)


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    pool: Pool | None = None,
    journal: Journal | None = None,
    retries: RetryPolicy | None = None,
) -> AsyncGenerator[RunService]:
    """Open the service for the length of a block; runs still going at its end are interrupted.

    Args:
        settings: The configuration.
        pool: Models to use instead of those the configuration gives.
        journal: A journal to use instead of the one in `settings.home`; closed with the service.
        retries: How calls are tried again.

    Raises:
        JournalError: The journal cannot be opened.
    """
    opened = journal or await anyio.to_thread.run_sync(SqliteJournal, settings.home)
    pool = pool or Pool(settings)
    try:
        async with open_task_group() as tasks:
            service = RunService(settings, opened, pool, tasks, retries or RetryPolicy())
            tasks.start_soon(service.keep_leases, name="leases")
            try:
                yield service
            finally:
                tasks.cancel_scope.cancel("the service ends")
    finally:
        with anyio.move_on_after(SHUTDOWN_SECONDS, shield=True):
            await pool.aclose()
            await opened.aclose()


SHUTDOWN_SECONDS = 5.0
"""Seconds for closing models and the journal."""


def _view_live(live: LiveRun) -> RunView:
    return view_run(live.run_id, live.state, now=time.time(), driven=not live.done)


def _check_same_problem(state: RunState, problem: Problem, run_id: str) -> None:
    if state.spec.workflow != "explore":
        raise InvalidInput(
            "run_id", f"{run_id!r} is a solve_with_atlas run; leave run_id out to start afresh"
        )
    if (problem.text, problem.images) != (state.problem.text, state.problem.images):
        raise InvalidInput(
            "problem", f"is not the problem of run {run_id!r}; repeat it word for word"
        )
    if problem.answer_schema not in (None, state.problem.answer_schema):
        raise InvalidInput(
            "answer_schema", f"is not that of run {run_id!r}; leave it out to keep the run's"
        )


def _planned(spec: RunSpec, wish: ExploreWish, *, used: int) -> ExploresPlanned:
    explores: tuple[Explore, ...] = make_explores(
        spec,
        solver=wish.solver,
        effort=wish.effort,
        strategy=wish.strategy,
        instruction=wish.instruction,
        count=wish.count,
        first=used,
    )
    return ExploresPlanned(
        "client", tuple(Planned(used + i, explore) for i, explore in enumerate(explores, start=1))
    )
