"""Drivers of runs as tasks of this process, at the other ends of real pipes."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.from_thread

from atlas_mcp import __version__
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.driver.lifetime import serve
from atlas_mcp.journal.base import Journal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.detached.engine import DetachedEngine, open_detached_engine
from atlas_mcp.runs.detached.messages import Ready, encode
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.local.engine import open_local_engine
from atlas_mcp.runs.opening import Driving
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.testing.held_model import HeldModel

CONFIGURED = "digest"
"""The digest of the configuration of both sides."""


@dataclass(frozen=True)
class Ends:
    """The server's ends of the pipes to a driver."""

    commands: int
    answers: int


@dataclass
class PipedDrivers:
    """Starts drivers over the journals that `make` returns, with one model.

    Attributes:
        settings: Of the drivers; without a grace, so that a test need not wait for it.
        version: The one that they say they are of.
        configured: The digest of the configuration that they say they have.
        scopes: Of the drivers that were started: cancelled, one dies with its connections.
    """

    make: Callable[[], Journal]
    model: HeldModel
    settings: ServerSettings = field(default_factory=lambda: ServerSettings(grace_s=0.0))
    version: str = __version__
    configured: str = CONFIGURED
    scopes: list[anyio.CancelScope] = field(default_factory=list[anyio.CancelScope])

    @asynccontextmanager
    async def engine(
        self, *, stays: bool = False, drivers: anyio.abc.TaskGroup | None = None
    ) -> AsyncGenerator[DetachedEngine]:
        """Open an engine for the length of a block; its driver ends in its own time after it.

        Args:
            stays: Whether the engine waits for the end of its driver.
            drivers: Runs the driver; otherwise the driver dies where the block is cancelled.
        """
        journal = self.make()
        async with open_task_group() as own:
            try:
                async with open_detached_engine(
                    RecentStates(journal),
                    journal,
                    journal,
                    partial(self.start, drivers or own),
                    journal.owner,
                    self.no_engine,
                    settings=CONFIGURED,
                    grace=self.settings.grace_s,
                    stays=stays,
                ) as engine:
                    yield engine
            finally:
                with anyio.CancelScope(shield=True):
                    await journal.aclose()

    def start(self, drivers: anyio.abc.TaskGroup) -> Ends:
        """Start a driver as a task; called from a thread."""
        theirs, commands = os.pipe()
        answers, their_answers = os.pipe()
        pipes = Pipes(theirs, their_answers)
        anyio.from_thread.run_sync(lambda: drivers.start_soon(self._drive, pipes))
        return Ends(commands, answers)

    async def _drive(self, pipes: Pipes) -> None:
        scope = anyio.CancelScope()
        self.scopes.append(scope)
        journal, pool = self.make(), _pool(self.model)
        try:
            with scope:
                await self._serve(pipes, journal, pool)
        finally:
            pipes.close()
            with anyio.CancelScope(shield=True):
                await journal.aclose()

    async def _serve(self, pipes: Pipes, journal: Journal, pool: Pool) -> None:
        async with _engine(journal, pool) as engine, open_task_group() as tasks:
            tasks.start_soon(pipes.write)
            pipes.send(
                encode(Ready(os.getpid(), self.version, outlives=True, settings=self.configured))
            )
            await serve(Driving(engine, pool, journal, journal), self.settings, pipes)
            pipes.close()

    @asynccontextmanager
    async def no_engine(self) -> AsyncGenerator[Engine]:
        """Fail: an engine of this process is not to be opened."""
        raise AssertionError("no driver has been started")
        yield


@asynccontextmanager
async def local_engine(drivers: PipedDrivers) -> AsyncGenerator[Engine]:
    """Open an engine as a driver has one, for the length of a block."""
    journal, model = drivers.make(), drivers.model
    try:
        async with _engine(journal, _pool(model)) as engine:
            yield engine
    finally:
        await journal.aclose()


def _engine(journal: Journal, pool: Pool) -> AbstractAsyncContextManager[Engine]:
    return open_local_engine(journal, pool, RecentStates(journal), places=4, day_cap_usd=None)


def _pool(model: HeldModel) -> Pool:
    return Pool(Settings(home=Path("unused")), {model.name: model})
