"""The one driver of a server: started in the background, and again once it has died.

The first one is tried again with the first run, since a machine may be busy for a moment. Where
that fails too, an engine of this process takes the driver's place, and stays: runs of both kinds
side by side would not be told apart by those who were promised that theirs goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
import anyio.abc

from atlas_mcp.errors import JournalError
from atlas_mcp.runs.detached.driver_process import (
    DriverNotStarted,
    DriverProcess,
    DriverUnlike,
    Started,
    start_driver,
)
from atlas_mcp.runs.engine import Engine

logger = logging.getLogger(__name__)

SOON_SECONDS = 1.0
"""Seconds after which a wait for the end of the driver is told."""

ASK_AGAIN = "Ask again; driver.log in ATLAS_HOME says more"

FIRST_TRIES = 2
"""Attempts at the first driver: one at the start of the server, one with its first run."""

Start: TypeAlias = Callable[[], Started]
"""Starts a driver; may block, and raises `OSError`."""

OpenEngine: TypeAlias = Callable[[], AbstractAsyncContextManager[Engine]]
"""Opens an engine of this process."""


@dataclass(slots=True)
class DriverKeeper:
    """Keeps a driver.

    Args:
        start: Starts one.
        owner: The name under which this process stores its callers.
        open_here: Opens an engine of this process, for where none can be started.
        tasks: Read and write its pipes, and keep that engine open.
        settings: The digest of the configuration of this process.
        stays: Whether `outlived` is to wait for its end, also where the tasks are cancelled.

    Attributes:
        driver: The last one that was started; it may have ended.
        here: The engine in its place; `None` while there is or was a driver.
    """

    start: Start
    owner: str
    open_here: OpenEngine
    tasks: anyio.abc.TaskGroup
    settings: str
    stays: bool = False
    driver: DriverProcess | None = field(init=False, default=None)
    here: Engine | None = field(init=False, default=None)
    _closing: anyio.Event = field(init=False, default_factory=anyio.Event)
    # The attempt that is under way, and the failures so far.
    _attempt: anyio.Event | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _failure: str = field(init=False, default=f"it has ended at once. {ASK_AGAIN}")

    @property
    def lives(self) -> bool:
        """Whether there is a driver that takes commands."""
        return self.driver is not None and not self.driver.ended.is_set()

    def begin(self) -> None:
        """Start a driver if there is none and none is being started. Returns at once."""
        if self._attempt is None and self.here is None and not self.lives:
            self._attempt = anyio.Event()
            self.tasks.start_soon(self._try, self._attempt, name="start a driver")

    async def a_driver(self) -> DriverProcess | Engine:
        """Return the driver, after starting one if need be, or the engine in its place.

        Raises:
            JournalError: There was a driver, and no other can be started.
        """
        for _ in range(FIRST_TRIES):
            self.begin()
            await self.tried()
            if (present := self.present) is not None:
                return present
            if self.driver is not None:
                break
        raise JournalError(f"no process can be started to drive runs: {self._failure}")

    async def tried(self) -> None:
        """Return once no attempt to start a driver is under way."""
        while (attempt := self._attempt) is not None:
            await attempt.wait()

    @property
    def present(self) -> DriverProcess | Engine | None:
        """What takes commands now, by which runs may be driven; `None` while nothing does."""
        return self.driver if self.here is None and self.lives else self.here

    async def outlived(self) -> None:
        """Part with the driver, and return once it has ended, with the runs that were promised."""
        self._closing.set()
        if self.driver is not None and self.lives:
            self.driver.parted = True
            self.driver.pipes.end()
            with anyio.move_on_after(SOON_SECONDS):
                await self.driver.ended.wait()
                return
            logger.warning("this process stays until its driver has finished what was promised")
            await self.driver.ended.wait()

    def close(self) -> None:
        """Part with the driver: it finishes what was promised, and ends."""
        self._closing.set()
        if self.driver is not None:
            self.driver.part()

    async def _try(self, attempt: anyio.Event) -> None:
        had_one = self.driver is not None
        try:
            self.driver = await start_driver(
                self.start, self.owner, self.tasks, settings=self.settings, stays=self.stays
            )
            self.tasks.start_soon(_watch, self.driver, name="watch the driver")
        except DriverNotStarted as error:
            is_lasting = isinstance(error, DriverUnlike)
            self._failure = str(error) if is_lasting else f"{error}. {ASK_AGAIN}"
            self._failures += 1
            if not had_one and (is_lasting or self._failures >= FIRST_TRIES):
                logger.warning(
                    "no process could be started to drive runs (%s): this one drives them, and "
                    "they end with it",
                    error,
                )
                await self.tasks.start(self._drive_here)
        finally:
            self._attempt = None
            attempt.set()

    async def _drive_here(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with self.open_here() as engine:
            self.here = engine
            task_status.started()
            await self._closing.wait()


async def _watch(driver: DriverProcess) -> None:
    """Log the end of a driver that this process has not parted with."""
    await driver.ended.wait()
    if not driver.parted:
        logger.warning(
            "the process that drives the runs%s has ended; runs that it drove are interrupted, and "
            "can be resumed. Its log is driver.log in ATLAS_HOME",
            "" if driver.ready is None else f" ({driver.ready.pid})",
        )
