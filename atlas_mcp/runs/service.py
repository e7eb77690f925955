"""The service: owns the runs of this process, whoever asked for them.

A run belongs to the service and not to a request. Requests open runs, wait for them and look at
them; the service drives them in its own task group until they end, and keeps their leases alive.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import anyio
import anyio.abc
import anyio.to_thread

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Record,
    RunOpened,
    StopCause,
)
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import abandonment, lost_calls, resumption
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE, dollars
from atlas_mcp.closing import last_act
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import (
    ConfigError,
    HomeUnusable,
    InvalidInput,
    JournalBusy,
    JournalError,
    UnknownRun,
)
from atlas_mcp.journal.base import Journal, Lease, ListedRun
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.read_only import open_to_read
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.retry import RetryPolicy
from atlas_mcp.models.turns import STEP_BACK_SECONDS, Turns, rush
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.following import follow, follow_on
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.admission import Capacity, Line, Ticket
from atlas_mcp.runs.local.day_cap import DayCap, spending_text, today
from atlas_mcp.runs.local.driver import Driver
from atlas_mcp.runs.local.reading import read_reply
from atlas_mcp.runs.local.upkeep import Upkeep
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.request import (
    ExploreWish,
    Wish,
    cheapest_explore,
    check_same_problem,
    plan_client_explores,
    plan_explores,
    plan_solve,
)
from atlas_mcp.runs.retention import Keep
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0
"""Seconds to wait for a cancelled run to have ended: its calls are aborted at once, but another
process must first see that it is wanted, and may be frozen."""

STOP_SECONDS = 2.0
"""Seconds for recording that a request has ended; its run stops meanwhile, recorded or not."""

LEAVE_SECONDS = 2.0
"""Seconds for aborting what is in flight, and recording what it cost, when the service ends."""

RELEASE_SECONDS = 1.0
"""Seconds for giving a lease back; later on it is tried again, or runs out by itself."""

SHUTDOWN_SECONDS = 5.0
"""Seconds for closing models and the journal."""

TURN_SECONDS = 15.0
"""Seconds that explores wait for another process which is at work on their run: some clients start
a server for each call, and wait about twenty."""

TURN_LOOK_SECONDS = 0.2
"""Seconds between looks at whether it is done."""

PLANS_AT_ONCE = 16
"""Threads that plan runs."""

QUICK_CHARS = 50_000
"""Characters of a problem that is planned on the event loop."""

ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a run id: none that are mistaken for another."""

ID_LETTERS = 14
"""Letters of a run id: 69 bits, which nobody guesses."""


@dataclass(slots=True)
class RunService:
    """Opens, drives and shows runs. Made by `open_service`, never by hand."""

    settings: Settings
    journal: Journal
    pool: Pool
    tasks: anyio.abc.TaskGroup
    line: Line
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    _drivers: dict[str, Driver] = field(init=False, default_factory=dict[str, Driver])
    # Those that have come to their end, until their leases are given back.
    _leaving: dict[str, Driver] = field(init=False, default_factory=dict[str, Driver])
    # Those that a request is about to claim, until they are driven, given back or not to be had.
    _taking: dict[str, anyio.Event] = field(init=False, default_factory=dict[str, anyio.Event])
    _broken: dict[str, LiveRun] = field(init=False, default_factory=dict[str, LiveRun])
    _recent: RecentStates = field(init=False)
    # Those in line for a place, by run: cancelled where their run is not to begin any more.
    _waits: dict[str, anyio.CancelScope] = field(
        init=False, default_factory=dict[str, anyio.CancelScope]
    )
    # A thousand runs that begin in one turn of the event loop hold everybody else up.
    _beginning: Turns = field(
        init=False, default_factory=lambda: Turns(steps_back=STEP_BACK_SECONDS)
    )
    _plans_quickly: bool = field(init=False, default=False)
    # Threads of their own: a caller waits for its handle, and others read pictures for minutes.
    _planning: anyio.CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self._planning = anyio.CapacityLimiter(PLANS_AT_ONCE)
        self._recent = RecentStates(self.journal)

    async def solve(self, problem: Problem, wish: Wish) -> LiveRun:
        """Open an ATLAS run and drive it; returns at once.

        Raises:
            InvalidInput: An argument breaks a rule. Nothing was spent.
            ConfigError: The configuration cannot serve the run. Nothing was spent.
            ModelFileError: The model hub cannot be asked about an embedded model.
        """
        await self.pool.look_up(wish.solvers, orchestrator=True)
        plan = partial(plan_solve, problem, wish, pool=self.pool, settings=self.settings)
        return await self._open(problem, await self._planned(problem, plan))

    async def explore(
        self,
        problem: Problem | None,
        wish: Wish,
        explores: ExploreWish,
        *,
        run_id: str | None = None,
    ) -> LiveRun:
        """Run explores that the client asks for, under a new run or one it has; returns at once.

        Args:
            problem: What is asked; `None` for that of the run it has.
            wish: How the new run is wanted.
            explores: Which explores.
            run_id: The run it has.

        Raises:
            InvalidInput: An argument breaks a rule. Nothing was spent.
            ConfigError: The configuration cannot serve the run. Nothing was spent.
            JournalError: There is no such run, or another process drives it.
            ModelFileError: The model hub cannot be asked about an embedded model.
        """
        if run_id is not None:
            return await self._explore_further(problem, explores, run_id)
        if problem is None:
            raise InvalidInput("problem", "is missing; only with a run_id it may be left out")
        if explores.solver is not None:
            wish = Wish(
                solvers=[explores.solver],
                max_explores=wish.max_explores,
                max_cost_usd=wish.max_cost_usd,
                time_limit_s=wish.time_limit_s,
                seed=wish.seed,
            )
        plan = partial(
            plan_explores, problem, wish, explores.count, pool=self.pool, settings=self.settings
        )
        try:
            await self.pool.look_up(wish.solvers, orchestrator=False)
            spec = await self._planned(problem, plan)
        except InvalidInput as error:
            if error.argument == "solvers" and explores.solver is not None:
                raise InvalidInput("solver", error.rule) from None
            raise
        return await self._open(problem, spec, plan_client_explores(spec, explores))

    async def resume(
        self,
        run_id: str,
        *,
        max_explores: int | None = None,
        max_cost_usd: float | Decimal | None = None,
    ) -> bool:
        """Let a run go on that has stopped; returns at once.

        Nothing happens to a run that has its answer, or that is still going, unless a limit is to
        be raised.

        Args:
            run_id: The run.
            max_explores: Its new ceiling; `None` leaves it.
            max_cost_usd: Its new cap, US dollars; `None` leaves it.

        Returns:
            Whether it goes on because of this.

        Raises:
            UnknownRun: There is no such run.
            InvalidInput: A limit cannot be that, or the run is still going. Nothing was spent.
            JournalBusy: Another process has just taken it up, under the limits it had.
        """
        cap = None if max_cost_usd is None else Decimal(str(max_cost_usd))

        def wanted(state: RunState) -> tuple[Event, ...]:
            return resumption(state, max_explores=max_explores, max_cost_usd=cap)

        if await self._is_going(run_id):
            if (max_explores, cap) != (None, None):
                raise InvalidInput(
                    "run_id",
                    f"{run_id!r} is still going under the limits it has; wait for its end, or call "
                    "cancel_run first",
                )
            return False
        if not wanted(await self.state(run_id)):
            return False
        async with self._taking_up(run_id):
            try:
                state, lease = await self._take(run_id, wanted)
            except JournalBusy:
                if (max_explores, cap) != (None, None):
                    raise
                return False
            if state.finished is not None:
                # Another process has brought it to its end meanwhile.
                await self._release(lease)
                return False
            self._drive(run_id, state, lease)
            return True

    async def cancel(self, run_id: str) -> RunSnapshot:
        """End a run, whoever drives it: calls in flight are aborted at once.

        Returns:
            The run, with what the aborted calls cost; one that had ended is left as it was.

        Raises:
            UnknownRun: There is no such run.
        """
        with anyio.move_on_after(CANCEL_SECONDS):
            # Whoever is asked to end it may be gone, or lose it, before it has.
            while (await self._recent.state(run_id)).finished is None:
                await self._end(run_id)
        return await self.look(run_id)

    async def stop(self, run_id: str) -> None:
        """Stop a run of this process because the request that wanted it has ended.

        A time-out looks the same as a cancel, so calls in flight get a grace. Nothing happens to a
        run that has ended. A caller that has been cancelled itself need not shield this.
        """
        driver = self._drivers.get(run_id)
        if driver is not None:
            with last_act(f"recording that run {run_id} was stopped", STOP_SECONDS):
                await self._stop(driver, "client", grace=self.settings.server.grace_s)

    async def stop_all(self, *, grace: float) -> None:
        """Leave every run of this process to be resumed; returns once none is driven.

        Args:
            grace: Seconds that calls in flight get.
        """
        async with open_task_group() as tasks:
            for driver in list(self._drivers.values()):
                tasks.start_soon(self._stop_and_wait, driver, grace)

    @property
    def driven(self) -> tuple[str, ...]:
        """The ids of the runs that this process drives."""
        return tuple(self._drivers)

    def live(self, run_id: str) -> LiveRun | None:
        """Return the run if this process drives it."""
        driver = self._drivers.get(run_id)
        return None if driver is None else driver.live

    @asynccontextmanager
    async def watching(self, run_id: str) -> AsyncGenerator[LiveRun]:
        """Keep a run in view for the length of a block, whoever drives it.

        Yields:
            The run as it is and becomes; `done` once nobody drives it. While another process
            drives it, it shows what is in the journal, and no tokens.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self.live(run_id)
        if live is not None:
            yield live
            return
        driven = await self.journal.is_driven(run_id)
        state = await self.state(run_id)
        live = LiveRun(run_id, state, done=not driven, clock=RunClock(state.at))
        async with open_task_group() as tasks:
            tasks.start_soon(follow, live, self.journal, name=f"follow {run_id}")
            yield live
            tasks.cancel_scope.cancel("nobody looks any more")

    async def state(self, run_id: str) -> RunState:
        """Return what the run amounts to.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self.live(run_id)
        return live.state if live is not None else await self._recent.state(run_id)

    async def look(self, run_id: str) -> RunSnapshot:
        """Return the run as it is now.

        Raises:
            UnknownRun: There is no such run.
        """
        broken = await self._broken_off(run_id)
        if broken is not None:
            state = broken.state
            return RunSnapshot(run_id, state, state.at, driven=False, broken=broken.broken)
        # Asked first: a run that ends in between must not look as if its process had died.
        driven = run_id in self._drivers or await self.journal.is_driven(run_id)
        state = await self.state(run_id)
        live = self.live(run_id)
        now = RunClock(state.at).now() if live is None else live.clock.now()
        waiting = None if live is None else live.waiting
        return RunSnapshot(run_id, state, now, driven, waiting=waiting)

    async def wait(self, run_id: str, seconds: float) -> RunSnapshot:
        """Return the run as soon as nobody drives it, or as it is after `seconds`.

        Raises:
            UnknownRun: There is no such run.
        """
        with anyio.move_on_after(seconds):
            async with self.watching(run_id) as live:
                await live.finished()
        return await self.look(run_id)

    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        """Return the newest runs of this machine, newest first."""
        return await self.journal.list_runs(limit=limit)

    async def expired(self, keep: Keep) -> tuple[ListedRun, ...]:
        """Return the runs beyond the limits, longest idle first; never one that is driven.

        Args:
            keep: The limits; without one, there are none.
        """
        if keep.everything:
            return ()
        return await self.journal.expired(
            idle_since=keep.idle_since(time.time()), size_bytes=keep.size_bytes
        )

    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        """Remove runs for good and return the ids of those that went.

        One that is driven, or that has changed since it was listed, stays.
        """
        return await self.journal.remove(runs)

    async def tidy(self) -> None:
        """Remove what the operator does not want to keep."""
        keep = Keep(self.settings.journal.keep_days, self.settings.journal.max_size_mb)
        try:
            removed = await self.remove(await self.expired(keep))
        except JournalError as error:
            logger.error("runs beyond the limits of [journal] could not be removed: %s", error)
        else:
            if removed:
                logger.info("%d runs beyond the limits of [journal] were removed", len(removed))

    async def keep_up(self) -> None:
        """Keep the runs in hand ours, and hear what other processes want of them; never returns."""
        upkeep = Upkeep(
            self.journal, self._stop_as_wanted, self._give_up, self._recent.forget, self.tidy
        )
        await upkeep.keep()

    async def _broken_off(self, run_id: str) -> LiveRun | None:
        """Return a run that broke off here and has not been gone on with since."""
        live = self._broken.get(run_id)
        if live is None or live.broken is None:
            return None
        try:
            changed = bool(await self.journal.read(run_id, after=live.broken.stored))
        except UnknownRun:
            changed = True
        except JournalError:
            # What cannot be read either is shown as it was.
            changed = False
        # Another look may have found the same meanwhile, or the run broke off anew.
        if changed and self._broken.get(run_id) is live:
            del self._broken[run_id]
        return None if changed else live

    def tell_unstored(self) -> None:
        """Say of which runs something would be lost if the process ended now."""
        for driver in self._drivers.values():
            _tell_unstored(driver)

    async def _end(self, run_id: str) -> None:
        """End a run that nobody drives, or have its driver end it; returns once it drives no more.

        Raises:
            UnknownRun: There is no such run.
        """
        driver = self._drivers.get(run_id)
        if driver is not None:
            await self._stop(driver, "user")
            await driver.ended.wait()
            return
        try:
            async with self._taking_up(run_id):
                read = partial(read_reply, run_id)
                _, lease = await self._take(run_id, lambda state: abandonment(state, read))
                await self._release(lease)
        except JournalBusy:
            await self.journal.request_stop(run_id, "user")
            await self.wait(run_id, math.inf)

    async def _is_going(self, run_id: str) -> bool:
        """Return whether somebody drives a run that has not ended.

        Whoever has just ended a run still has to let go of it: that is waited for.
        """
        if run_id not in self._drivers and not await self.journal.is_driven(run_id):
            return False
        if (await self.state(run_id)).finished is None:
            return True
        await self.wait(run_id, CANCEL_SECONDS)
        return False

    async def _explore_further(
        self, problem: Problem | None, explores: ExploreWish, run_id: str
    ) -> LiveRun:
        """Add explores to a run: to one that is under way at once, to another by taking it up."""

        def plan(state: RunState) -> ExploresPlanned:
            check_same_problem(state, problem, run_id)
            left = state.explores_left
            if explores.count > left:
                raise InvalidInput("count", f"is {explores.count}; run {run_id!r} has {left} left")
            return plan_client_explores(state.spec, explores, state)

        while True:
            driver = self._drivers.get(run_id) or self._leaving.get(run_id)
            if driver is not None:
                if await driver.take_on(plan):
                    return driver.live
                # It has come to its end meanwhile, and is being given back.
                await driver.live.finished()
            elif (taking := self._taking.get(run_id)) is not None:
                # Agents ask for several side by side: the first one takes it up for all.
                await taking.wait()
            else:
                break
        async with self._taking_up(run_id):
            plan(await self.state(run_id))
            state, lease = await self._take_in_turn(
                run_id, lambda state: (*lost_calls(state), plan(state))
            )
            return self._drive(run_id, state, lease)

    async def _take_in_turn(
        self, run_id: str, decide: Callable[[RunState], Sequence[Event]]
    ) -> tuple[RunState, Lease]:
        """Claim a run as `_take` does, waiting for another process that is at work on it."""
        until = anyio.current_time() + TURN_SECONDS
        while True:
            try:
                return await self._take(run_id, decide)
            except JournalBusy:
                if anyio.current_time() >= until:
                    raise
            await anyio.sleep(TURN_LOOK_SECONDS)

    @asynccontextmanager
    async def _taking_up(self, run_id: str) -> AsyncGenerator[None]:
        """Have nobody else of this process claim a run for the length of a block.

        Whoever found it claimed would take this process for another one.
        """
        while (other := self._taking.get(run_id)) is not None:
            await other.wait()
        taken = self._taking[run_id] = anyio.Event()
        try:
            yield
        finally:
            del self._taking[run_id]
            taken.set()

    async def _take(
        self, run_id: str, decide: Callable[[RunState], Sequence[Event]]
    ) -> tuple[RunState, Lease]:
        """Claim a run that nobody drives, and record what is decided on it as it then is."""
        lease = await self.journal.claim(run_id)
        try:
            # Read under the lease: another process may have added to it meanwhile.
            state = RunState.fold(await self.journal.read(run_id))
            clock = RunClock(state.at)
            records: list[Record] = []
            # In a thread: what nobody has read yet may take seconds to be read. Not abandoned on a
            # cancel: a run whose reading outlasts those who end it could never be ended.
            for event in await anyio.to_thread.run_sync(decide, state):
                records.append(Record(state.seq + 1, clock.now(), event))
                state = state.apply(records[-1])
            await self.journal.append(lease, records)
        except BaseException:
            await self._release(lease)
            raise
        return state, lease

    async def _release(self, lease: Lease, *, known: str | None = None) -> None:
        """Give a lease back; one that cannot be written back runs out by itself.

        Args:
            lease: The lease.
            known: Why its journal took no more, if that has been told.
        """
        with last_act(f"giving the lease of run {lease.run_id} back", RELEASE_SECONDS):
            try:
                await self.journal.release(lease)
            except JournalError as error:
                if str(error) != known:
                    logger.error(
                        "the lease of run %s could not be given back: %s", lease.run_id, error
                    )

    async def _planned(self, problem: Problem, plan: Callable[[], RunSpec]) -> RunSpec:
        """Make a plan: on the event loop where it takes a tenth of a millisecond."""
        plain = problem.answer_schema is None and not problem.images
        if self._plans_quickly and plain and len(problem.text) <= QUICK_CHARS:
            return plan()
        spec = await anyio.to_thread.run_sync(plan, limiter=self._planning)
        # The price tables load for a fifth of a second when first asked.
        self._plans_quickly = True
        return spec

    async def _open(
        self, problem: Problem, spec: RunSpec, planned: ExploresPlanned | None = None
    ) -> LiveRun:
        await self._check_day_cap(problem, spec)
        run_id = _draw_id()
        events: list[Event] = [RunOpened(problem, spec)]
        if planned is not None:
            events.append(planned)
        now = RunClock().now()
        records = [Record(seq, now, event) for seq, event in enumerate(events, start=1)]
        with rush().one_more():
            lease = await self.journal.open_run(run_id, records[0])
            try:
                await self.journal.append(lease, records[1:])
            except BaseException:
                await self._release(lease)
                raise
        return self._drive(run_id, RunState.fold(records), lease)

    async def _check_day_cap(self, problem: Problem, spec: RunSpec) -> None:
        """Refuse a run of which the day's cap leaves no explore."""
        cap = self.settings.budget.max_cost_usd_per_day
        if cap is None:
            return
        spent = await self.journal.spending(today())
        lowest = cheapest_explore(problem, spec, FREE if spent is None else max(FREE, cap - spent))
        if lowest is not None:
            more = "raise it under [budget] in atlas.toml, or try again once other runs have ended"
            way_on = "take it out of [budget] in atlas.toml" if spent is None else more
            raise ConfigError(
                f"{spending_text(spent, cap)}, and one explore must be able to cost "
                f"{dollars(lowest)}: {way_on}, or tomorrow"
            )

    def _drive(self, run_id: str, state: RunState, lease: Lease) -> LiveRun:
        ticket = self.line.take()
        live = LiveRun(run_id, state, clock=RunClock(state.at), ticket=ticket)
        cap = self.settings.budget.max_cost_usd_per_day
        day_cap = DayCap(self.journal, run_id, cap, state.ledger.committed)
        driver = Driver(live, lease, self.journal, self.pool, day_cap, self.retries)
        self._drivers[run_id] = driver
        self._broken.pop(run_id, None)
        self.tasks.start_soon(self._carry, driver, ticket, name=f"run {run_id}")
        return live

    async def _carry(self, driver: Driver, ticket: Ticket) -> None:
        live = driver.live
        try:
            await self._drive_on(driver, ticket)
            if driver.lost:
                logger.warning(
                    "run %s has been taken over by another process; what this one had in flight "
                    "is dropped",
                    live.run_id,
                )
                await follow_on(live, self.journal, self.state)
        finally:
            self._leaving.pop(live.run_id, None)
            live.done = True
            live.publish()

    async def _drive_on(self, driver: Driver, ticket: Ticket) -> None:
        run_id = driver.live.run_id
        try:
            try:
                await self._admitted(driver, ticket)
                await driver.drive()
            finally:
                # Before anybody is told of its end: the next in line waits for no disk.
                ticket.give_back()
                driver.ended.set()
        except JournalError as error:
            logger.error("run %s broke off: %s", run_id, error)
        except Exception:
            logger.exception("run %s broke off", run_id)
        except anyio.get_cancelled_exc_class():
            _tell_unstored(driver)
            raise
        finally:
            self._drivers.pop(run_id, None)
            self._leaving[run_id] = driver
            broken = driver.live.broken
            if broken is not None:
                self._broken[run_id] = driver.live
            await self._release(driver.lease, known=broken and broken.cause)

    async def _admitted(self, driver: Driver, ticket: Ticket) -> None:
        """Return once a run has its place, or is not to begin any more."""
        run_id = driver.live.run_id
        with anyio.CancelScope() as scope:
            self._waits[run_id] = scope
            try:
                if not driver.stopped:
                    await ticket.admitted()
                    await self._beginning.next()
            finally:
                del self._waits[run_id]

    async def _stop(self, driver: Driver, cause: StopCause, *, grace: float = 0.0) -> None:
        """Stop a run; a bug that keeps it from being stopped ends it alone.

        Recording it belongs to the service: nothing could be stored behind a record that is left
        out because whoever asks for the stop waits no longer.

        Raises:
            JournalError: The run was stopped, but that its user ended it could not be stored.
        """
        ended = anyio.Event()
        errors: list[JournalError] = []

        async def stop() -> None:
            try:
                await driver.stop(cause, grace=grace)
            except JournalError as error:
                errors.append(error)
            except Exception:
                logger.exception("run %s could not be stopped, and is aborted", driver.live.run_id)
                driver.abort()
            finally:
                self._leave_the_line(driver)
                ended.set()

        self.tasks.start_soon(stop, name=f"stop {driver.live.run_id}")
        await ended.wait()
        if errors:
            raise errors[0]

    async def _stop_as_wanted(self, run_id: str, cause: StopCause) -> None:
        """Stop a run, if it is driven here, because another process asks for it."""
        driver = self._drivers.get(run_id)
        if driver is not None:
            await self._stop(driver, cause)

    def _give_up(self, lease: Lease) -> None:
        """Drop a run that another process has taken over."""
        driver = self._drivers.get(lease.run_id)
        if driver is not None and driver.lease == lease:
            driver.give_up()
            self._leave_the_line(driver)

    async def _stop_and_wait(self, driver: Driver, grace: float) -> None:
        await self._stop(driver, "shutdown", grace=grace)
        await driver.ended.wait()

    def _leave_the_line(self, driver: Driver) -> None:
        """Have a run that waits for its place end where it stands."""
        scope = self._waits.get(driver.live.run_id)
        if scope is not None:
            scope.cancel("the run is not to begin any more")


@asynccontextmanager
async def open_journal(settings: Settings, *, looks: bool = False) -> AsyncGenerator[Journal]:
    """Open the journal of a home for the length of a block.

    Args:
        settings: The configuration.
        looks: Whether it is only looked at, and need not take writes.

    Raises:
        HomeUnusable: It cannot be opened.
    """
    journal = await _open_journal(settings, looks=looks)
    try:
        yield journal
    finally:
        with last_act("closing the journal", SHUTDOWN_SECONDS):
            await journal.aclose()


async def _open_journal(settings: Settings, *, looks: bool) -> Journal:
    how = open_to_read if looks else SqliteJournal
    try:
        return await anyio.to_thread.run_sync(how, settings.home)
    except JournalError as error:
        raise HomeUnusable(str(error)) from error


def _tell_unstored(driver: Driver) -> None:
    records, replies = driver.unstored
    if records:
        logger.warning(
            "run %s: the journal did not confirm its last records in time: %d, of which %d hold a "
            "reply that was paid for; `atlas-mcp runs resume %s` goes on from what is stored",
            *(driver.live.run_id, records, replies, driver.live.run_id),
        )


def _draw_id() -> str:
    """Return a new run id. The system is asked for chance once, not for each letter."""
    drawn = secrets.randbelow(len(ID_ALPHABET) ** ID_LETTERS)
    letters: list[str] = []
    for _ in range(ID_LETTERS):
        drawn, letter = divmod(drawn, len(ID_ALPHABET))
        letters.append(ID_ALPHABET[letter])
    return "".join(letters)


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    pool: Pool | None = None,
    journal: Journal | None = None,
    retries: RetryPolicy | None = None,
    capacity: Capacity | None = None,
    looks: bool = False,
) -> AsyncGenerator[RunService]:
    """Open the service for the length of a block; runs still going at its end are interrupted.

    Args:
        settings: The configuration.
        pool: Models to use instead of those the configuration gives.
        journal: A journal to use instead of the one in `settings.home`; closed with the service.
        retries: How calls are tried again.
        capacity: What this process bears; found out if not given.
        looks: Whether runs are only looked at, so that the journal need not take writes.

    Raises:
        HomeUnusable: The journal cannot be opened.
    """
    capacity = capacity or Capacity.of_this_process(settings.server.max_runs)
    opened = journal or await _open_journal(settings, looks=looks)
    pool = pool or Pool(settings)
    pool.calls.bound(capacity.calls)
    line = Line(capacity.runs)
    try:
        async with open_task_group() as tasks:
            service = RunService(settings, opened, pool, tasks, line, retries or RetryPolicy())
            tasks.start_soon(service.keep_up, name="upkeep")
            tasks.start_soon(pool.keep_few_connections, name="connections")
            try:
                yield service
            finally:
                with last_act("stopping the runs", LEAVE_SECONDS):
                    await service.stop_all(grace=0.0)
                tasks.cancel_scope.cancel("the service ends")
    finally:
        try:
            with last_act("closing the models", SHUTDOWN_SECONDS):
                await pool.aclose()
        finally:
            # Whatever became of the models: it gives the leases back.
            with last_act("closing the journal", SHUTDOWN_SECONDS):
                await opened.aclose()
