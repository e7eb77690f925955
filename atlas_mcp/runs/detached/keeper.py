"""The one driver of a server: started in the background, and again once it has died.

Where no driver could ever be started, an engine of this process takes its place for good.
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
    Started,
    start_driver,
)
from atlas_mcp.runs.engine import Engine

logger = logging.getLogger(__name__)

SOON_SECONDS = 1.0
"""Seconds after which a wait for the end of the driver is told."""

Start: TypeAlias = Callable[[], Started]
"""Starts a driver; may block, and raises `OSError`."""

OpenEngine: TypeAlias = Callable[[], AbstractAsyncContextManager[Engine]]
"""Opens an engine of this process."""


@dataclass(slots=True)
class DriverKeeper:
    """Keeps a driver.

    Args:
        start: Starts one.
        open_here: Opens an engine of this process, for where none can be started.
        tasks: Read and write its pipes, and keep that engine open.
        stays: Whether `outlived` is to wait for its end, also where the tasks are cancelled.

    Attributes:
        driver: The last one that was started; it may have ended.
        here: The engine in its place; `None` while there is or was a driver.
    """

    start: Start
    open_here: OpenEngine
    tasks: anyio.abc.TaskGroup
    stays: bool = False
    driver: DriverProcess | None = field(init=False, default=None)
    here: Engine | None = field(init=False, default=None)
    _closing: anyio.Event = field(init=False, default_factory=anyio.Event)
    # The attempt that is under way, and the failure of the last one.
    _attempt: anyio.Event | None = field(init=False, default=None)
    _failure: str = field(init=False, default="")

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
        self.begin()
        while (attempt := self._attempt) is not None:
            await attempt.wait()
        if self.here is not None:
            return self.here
        if self.driver is None or not self.lives:
            raise JournalError(
                f"no process can be started to drive runs: {self._failure}. Nothing was spent; "
                "start the server again"
            )
        return self.driver

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
            self.driver = await start_driver(self.start, self.tasks, stays=self.stays)
            self.tasks.start_soon(_watch, self.driver, name="watch the driver")
        except DriverNotStarted as error:
            self._failure = str(error)
            if not had_one:
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
