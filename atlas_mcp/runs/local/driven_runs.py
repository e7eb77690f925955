"""The runs that this process drives: each from its lease, through its place in line, to its end.

Owns the drivers and their tasks. It decides nothing about a run: `claims` claims it, and its driver
makes its calls and records.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

import anyio
import anyio.abc

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput, JournalError, UnknownRun
from atlas_mcp.journal.base import EngineJournal, Lease
from atlas_mcp.loop_turns import STEP_BACK_SECONDS, LoopTurns
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.driving.claims import Claimed, Claims
from atlas_mcp.runs.driving.driver import Driver
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.engine import ResumeRun
from atlas_mcp.runs.following import follow_on
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.line import Line, Ticket
from atlas_mcp.runs.recent_states import RecentStates

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class DrivenRuns:
    """Drivers by run, and the runs that broke off.

    Args:
        journal: Stores their records, and counts the money of the day.
        pool: Gives their models.
        claims: Releases their leases.
        states: Returns the states of other runs.
        tasks: Drives the runs.
        line: Gives out places.
        day_cap_usd: US dollars that all runs of the home may cost on one day; `None` for no cap.
    """

    journal: EngineJournal
    pool: Pool
    claims: Claims
    states: RecentStates
    tasks: anyio.abc.TaskGroup
    line: Line
    day_cap_usd: Decimal | None
    _drivers: dict[str, Driver] = field(init=False, default_factory=dict[str, Driver])
    # Drivers that have ended, until their leases are given back.
    _leaving: dict[str, Driver] = field(init=False, default_factory=dict[str, Driver])
    # Set once the lease is given back.
    _left: dict[Lease, anyio.Event] = field(init=False, default_factory=dict[Lease, anyio.Event])
    _broken: dict[str, LiveRun] = field(init=False, default_factory=dict[str, LiveRun])
    # Waits for a place, by run. A wait is cancelled if its run is no longer to begin.
    _waits: dict[str, anyio.CancelScope] = field(
        init=False, default_factory=dict[str, anyio.CancelScope]
    )
    # A thousand runs that begin in one turn of the event loop would block all other tasks.
    _beginning: LoopTurns = field(
        init=False, default_factory=lambda: LoopTurns(steps_back=STEP_BACK_SECONDS)
    )

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the runs that are driven."""
        return tuple(self._drivers)

    def driver(self, run_id: str) -> Driver | None:
        """Return the driver of a run; `None` if this process does not drive it."""
        return self._drivers.get(run_id)

    def drivers(self) -> tuple[Driver, ...]:
        """Return the drivers of all runs that are driven."""
        return tuple(self._drivers.values())

    def newest_driver(self, run_id: str) -> Driver | None:
        """Return the driver of a run, also one that has ended and still holds the lease."""
        return self._drivers.get(run_id) or self._leaving.get(run_id)

    async def state(self, run_id: str) -> RunState:
        """Return the state of a run, whether this process drives it or not.

        Raises:
            UnknownRun: There is no such run.
            JournalError: It cannot be read.
        """
        driver = self._drivers.get(run_id)
        return await self.states.state(run_id) if driver is None else driver.live.state

    def drive(self, run_id: str, claimed: Claimed) -> None:
        """Drive a run until it has ended, has been left or is lost. Returns at once."""
        ticket = self.line.take()
        state = claimed.state
        live = LiveRun(
            run_id, state, stored=state.seq, here=True, place=ticket, clock=RunClock(state.at)
        )
        reservation = Reservation(self.journal, run_id, self.day_cap_usd, state.ledger.committed)
        driver = Driver(live, claimed.lease, self.journal, self.pool, reservation)
        self._drivers[run_id] = driver
        self._left[driver.lease] = anyio.Event()
        self._broken.pop(run_id, None)
        self.tasks.start_soon(self._carry, driver, ticket, name=f"run {run_id}")

    async def stop(self, driver: Driver, cause: StopCause, *, grace: float = 0.0) -> None:
        """Stop a run; a bug that keeps it from being stopped ends that run alone.

        Raises:
            JournalError: The run was stopped, but the record that its user ended it could not be
                stored.
        """

        async def stop() -> None:
            try:
                await driver.stop(cause, grace=grace)
            finally:
                self._leave_the_line(driver)

        await self._in_a_task(stop, driver, "stopped")

    async def lift(self, driver: Driver, limits: ResumeRun) -> bool:
        """Take back the stop of a run that its client left: see `Driver.lift`.

        An instruction is not for a run that is about to answer: its end is waited for.
        """
        if limits.instruction:
            return False
        lifted: list[bool] = []

        async def lift() -> None:
            more = limits.max_explores, limits.max_cost_usd
            lifted.append(await driver.lift(max_explores=more[0], max_cost_usd=more[1]))

        await self._in_a_task(lift, driver, "gone on with")
        return lifted == [True]

    async def leave(self, driver: Driver, *, grace: float) -> None:
        """Stop a run that is to be resumed, and return once its lease is given back.

        A run whose lease is still held would look as if it went on.
        """
        left = self._left.get(driver.lease)
        if left is not None:
            await self.stop(driver, "shutdown", grace=grace)
            await left.wait()

    def give_up(self, lease: Lease) -> None:
        """Drop a run that another process has taken over."""
        driver = self._drivers.get(lease.run_id)
        if driver is not None and driver.lease == lease:
            driver.give_up()
            self._leave_the_line(driver)

    async def broken_off(self, run_id: str) -> LiveRun | None:
        """Return a run that broke off here and has not gone on since."""
        live = self._broken.get(run_id)
        if live is None or live.broken is None:
            return None
        try:
            changed = bool(await self.journal.read(run_id, after=live.broken.stored))
        except UnknownRun:
            changed = True
        except JournalError:
            # A run that cannot be read is shown in its last known state.
            changed = False
        # Another task may have removed it meanwhile, or the run may have broken off anew.
        if changed and self._broken.get(run_id) is live:
            del self._broken[run_id]
        return None if changed else live

    async def _carry(self, driver: Driver, ticket: Ticket) -> None:
        live = driver.live
        try:
            await self._drive_on(driver, ticket)
            if driver.lost:
                live.lose()
                logger.warning(
                    "run %s has been taken over by another process; calls of this one that were "
                    "in flight are dropped",
                    live.run_id,
                )
                await follow_on(live, self.journal, self.states.state)
        finally:
            self._leaving.pop(live.run_id, None)
            live.end()

    async def _drive_on(self, driver: Driver, ticket: Ticket) -> None:
        run_id = driver.live.run_id
        try:
            try:
                await self._admitted(driver, ticket)
                await driver.drive()
            finally:
                # Before the run's end is shown, so that the next in line waits for no disk.
                ticket.give_back()
                driver.ended.set()
        except JournalError as error:
            logger.error("run %s broke off: %s", run_id, error)
        except Exception:
            logger.exception("run %s broke off", run_id)
        finally:
            self._drivers.pop(run_id, None)
            self._leaving[run_id] = driver
            broken = driver.live.broken
            if broken is not None:
                self._broken[run_id] = driver.live
            elif not any(driver.unstored) and not driver.lost:
                self.states.keep(run_id, driver.live.state)
            await self.claims.release(driver.lease, known=broken and broken.cause)
            self._left.pop(driver.lease).set()

    async def _admitted(self, driver: Driver, ticket: Ticket) -> None:
        """Return once a run has its place, or is no longer to begin."""
        run_id = driver.live.run_id
        with anyio.CancelScope() as scope:
            self._waits[run_id] = scope
            try:
                if not driver.begins_nothing:
                    await ticket.admitted()
                    await self._beginning.next()
            finally:
                del self._waits[run_id]

    async def _in_a_task(
        self, act: Callable[[], Awaitable[None]], driver: Driver, done: str
    ) -> None:
        """Act on a run in a task of its own, and wait for it.

        So that a cancelled caller does not leave a record out: later ones could not be stored
        without it. A bug in the act ends that run alone.

        Args:
            act: The act.
            driver: Drives the run.
            done: The act, as a participle for the log.

        Raises:
            JournalError, InvalidInput: The act raised it.
        """
        ended = anyio.Event()
        errors: list[JournalError | InvalidInput] = []

        async def carry_out() -> None:
            try:
                await act()
            except (JournalError, InvalidInput) as error:
                errors.append(error)
            except Exception:
                logger.exception("run %s could not be %s, and is aborted", driver.live.run_id, done)
                driver.abort()
            finally:
                ended.set()

        self.tasks.start_soon(carry_out, name=f"{done}: {driver.live.run_id}")
        await ended.wait()
        if errors:
            raise errors[0]

    def _leave_the_line(self, driver: Driver) -> None:
        """End the wait of a run for its place, and so the run's driver."""
        scope = self._waits.get(driver.live.run_id)
        if scope is not None:
            scope.cancel("the run is not to begin any more")


def log_unstored(driver: Driver) -> None:
    """Log the number of a run's records that the journal has not confirmed."""
    records, replies = driver.unstored
    if records:
        logger.warning(
            "run %s: the journal did not confirm its last records in time: %d, of which %d hold a "
            "reply that was paid for; `atlas-mcp runs resume %s` goes on from what is stored",
            *(driver.live.run_id, records, replies, driver.live.run_id),
        )
