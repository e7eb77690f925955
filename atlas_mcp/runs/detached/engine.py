"""The engine of a server whose client may end it at any time: a process beside it drives the runs.

Hands submissions and stops to that process, and shows its runs. All that is known of other engines'
runs comes from the journal.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from typing_extensions import override

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.errors import AtlasError, JournalBusy, JournalError, UnknownRun
from atlas_mcp.journal.base import Leases, Records
from atlas_mcp.runs.detached.driver_process import (
    DriverGone,
    DriverProcess,
    DriverSilent,
    Showing,
)
from atlas_mcp.runs.detached.keeper import DriverKeeper, OpenEngine, Start
from atlas_mcp.runs.detached.messages import Stop, Submit
from atlas_mcp.runs.detached.shown_runs import shown_run
from atlas_mcp.runs.engine import Engine, OpenRun, Submission
from atlas_mcp.runs.following import following
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.run_ids import check_known_by_text, check_run_id
from atlas_mcp.task_groups import open_task_group

SUBMIT_SECONDS = 30.0
"""Seconds for a submission: a run of another engine is waited for, and a file may be locked."""

STOP_SECONDS = 30.0
"""Seconds for a stop: the process of another engine's run may be frozen."""

FOLLOW_SECONDS = 2.0
"""Seconds after which a run of a driver that does not answer is shown by its records alone."""


@dataclass(slots=True, eq=False)
class _Handed:
    """The driver that a run was handed to last. Another submission makes another one of these."""

    driver: DriverProcess


@dataclass(slots=True)
class DetachedEngine(Engine):
    """Has runs driven by a process of its own. Made by `open_detached_engine`."""

    keeper: DriverKeeper
    states: RecentStates
    records: Records
    leases: Leases
    grace: float
    # By run.
    _handed: dict[str, _Handed] = field(init=False, default_factory=dict[str, _Handed])

    @override
    async def submit(self, run_id: str, submission: Submission) -> bool:
        driver = await self.keeper.a_driver()
        if not isinstance(driver, DriverProcess):
            return await driver.submit(run_id, submission)
        check = check_run_id if isinstance(submission, OpenRun) else check_known_by_text
        check(run_id)
        before, handed = self._handed.get(run_id), _Handed(driver)
        self._handed[run_id] = handed
        try:
            command = Submit.of(driver.number(), run_id, submission)
            going = await driver.ask(command, seconds=SUBMIT_SECONDS)
        except DriverGone:
            return await self._looked_up(run_id, submission)
        except DriverSilent as error:
            self._take_back(driver, run_id, submission)
            raise JournalBusy(
                f"{error}. Look at run {run_id!r} with get_run before you ask again"
            ) from None
        except AtlasError:
            # It was refused, so that the driver has the run only if it had it before.
            self._forget(run_id, handed, before)
            raise
        except anyio.get_cancelled_exc_class():
            self._take_back(driver, run_id, submission)
            raise
        # Again: those that looked meanwhile may have found that it is not there yet.
        self._handed[run_id] = _Handed(driver)
        return going

    @override
    async def stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        # Without a driver no run goes on here that another cause would stop.
        by_user = cause == "user"
        driver = await self.keeper.a_driver() if by_user else self.keeper.present
        if not isinstance(driver, DriverProcess):
            if driver is not None:
                await driver.stop(run_id, cause, grace=grace)
            return
        check_known_by_text(run_id)
        try:
            command = Stop(driver.number(), run_id, cause, grace)
            await driver.ask(command, seconds=STOP_SECONDS)
        except DriverGone:
            # Its runs are stopped with it. A caller who wants one ended as well asks again.
            await self._until_given_back(run_id)
        except DriverSilent as error:
            raise JournalBusy(str(error)) from None

    @override
    @asynccontextmanager
    async def follow(self, run_id: str) -> AsyncGenerator[LiveRun]:
        if self.keeper.here is not None:
            async with self.keeper.here.follow(run_id) as live:
                yield live
            return
        async with self._showing(run_id) as showing:
            if showing is not None and (first := await showing.next()) is not None:
                async with shown_run(run_id, showing, first, self.records, self.states) as live:
                    yield live
                return
        async with self._by_records(run_id) as live:
            yield live

    @property
    @override
    def driven(self) -> tuple[str, ...]:
        return () if self.keeper.here is None else self.keeper.here.driven

    @property
    @override
    def outlives(self) -> bool:
        driver = self.keeper.driver if self.keeper.lives else None
        return driver is not None and driver.ready is not None and driver.ready.outlives

    @override
    async def leave(self, *, grace: float) -> None:
        if self.keeper.here is not None:
            await self.keeper.here.leave(grace=grace)

    async def _looked_up(self, run_id: str, submission: Submission) -> bool:
        """Return whether a submission took effect whose driver has died without an answer.

        It is never made again: the driver may have taken it.

        Raises:
            JournalError: It did not, or that cannot be told.
        """
        await self._until_given_back(run_id)
        if not isinstance(submission, OpenRun):
            raise JournalError(
                f"the process that drives the runs ended meanwhile. Look at run {run_id!r} with "
                "get_run before you ask again"
            )
        try:
            await self.records.read(run_id)
        except UnknownRun:
            raise JournalError(
                "the process that drives the runs ended before it had opened this one. Nothing was "
                "spent; ask again"
            ) from None
        return True

    async def _until_given_back(self, run_id: str) -> None:
        """Return once a run is not driven: the lock of a dead driver shows that soon."""
        with anyio.move_on_after(FOLLOW_SECONDS):
            try:
                async with self._by_records(run_id) as live:
                    await live.finished()
            except UnknownRun:
                return

    @asynccontextmanager
    async def _by_records(self, run_id: str) -> AsyncGenerator[LiveRun]:
        async with following(run_id, self.records, self.leases, self.states.state) as live:
            yield live

    @asynccontextmanager
    async def _showing(self, run_id: str) -> AsyncGenerator[Showing | None]:
        """Be shown a run by the driver; yields `None` where it is not the driver's."""
        handed = self._handed.get(run_id)
        if handed is None or handed.driver.ended.is_set():
            self._forget(run_id, handed)
            yield None
            return
        async with handed.driver.following(run_id, seconds=FOLLOW_SECONDS) as showing:
            if not showing.here:
                self._forget(run_id, handed)
            yield showing if showing.here else None

    def _forget(self, run_id: str, handed: _Handed | None, before: _Handed | None = None) -> None:
        """Forget who has a run, unless it was handed over again meanwhile."""
        if handed is not None and self._handed.get(run_id) is handed:
            del self._handed[run_id]
            if before is not None:
                self._handed[run_id] = before

    def _take_back(self, driver: DriverProcess, run_id: str, submission: Submission) -> None:
        """Stop a run that would be opened for nobody: its caller waits for it no longer."""
        if isinstance(submission, OpenRun):
            driver.tell(Stop(driver.number(), run_id, "client", self.grace))


@asynccontextmanager
async def open_detached_engine(
    states: RecentStates,
    records: Records,
    leases: Leases,
    start: Start,
    owner: str,
    open_here: OpenEngine,
    *,
    settings: str,
    grace: float,
    stays: bool = False,
) -> AsyncGenerator[DetachedEngine]:
    """Open the engine for the length of a block, and start its driver in the background.

    Args:
        states: The states of the runs that were read last.
        records: The records of the runs, to be read.
        leases: Know which runs are driven.
        start: Starts a driver.
        owner: The name under which this process stores its callers.
        open_here: Opens an engine of this process, for where no driver can be started.
        settings: The digest of the configuration, which the driver must have too.
        grace: Seconds that calls in flight get where a run is opened for nobody.
        stays: Whether the driver ends with this process, so that it is to be waited for.
    """
    async with open_task_group() as tasks:
        keeper = DriverKeeper(start, owner, open_here, tasks, settings, stays)
        keeper.begin()
        try:
            yield DetachedEngine(keeper, states, records, leases, grace)
        finally:
            if stays:
                with anyio.CancelScope(shield=True):
                    await keeper.outlived()
            keeper.close()
            tasks.cancel_scope.cancel("the engine closes")
