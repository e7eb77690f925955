"""The engine of this process: runs are driven by tasks of the process that submits them.

Owns the choice between three cases of a run: this process drives it, another process does, or it is
not driven. `claims` claims runs, `driven_runs` drives them, `resuming` goes on with them.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import assert_never

import anyio
from typing_extensions import override

from atlas_mcp.atlas.events import ExploresPlanned, StopCause
from atlas_mcp.atlas.explore_requests import plan_further
from atlas_mcp.atlas.resuming import abandonment, lost_calls
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import stop_events
from atlas_mcp.closing import last_act
from atlas_mcp.errors import JournalBusy, JournalError, RunExists
from atlas_mcp.journal.base import EngineJournal, Leases, LiveRequest, Records
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.claims import Claims
from atlas_mcp.runs.driving.reading import read_reply_or_failure
from atlas_mcp.runs.driving.upkeep import Upkeep
from atlas_mcp.runs.engine import AskRun, Engine, ExploreFurther, OpenRun, ResumeRun, Submission
from atlas_mcp.runs.following import following
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.driven_runs import DrivenRuns, log_unstored
from atlas_mcp.runs.local.line import Line
from atlas_mcp.runs.local.questions import Questions
from atlas_mcp.runs.local.resuming import Resumptions
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.run_ids import check_run_id
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

LEAVE_SECONDS = 2.0
"""Seconds for aborting the calls in flight, and recording their costs, when the engine closes."""


@dataclass(slots=True)
class LocalEngine(Engine):
    """Drives runs in tasks of this process. Made by `open_local_engine`."""

    claims: Claims
    runs: DrivenRuns
    records: Records
    leases: Leases

    @override
    async def submit(self, run_id: str, submission: Submission) -> bool:
        match submission:
            case OpenRun():
                return await self._open(run_id, submission)
            case ResumeRun():
                resumptions = Resumptions(self.runs, self.claims, self.leases, self.follow)
                return await resumptions.resume(run_id, submission)
            case ExploreFurther():
                return await self._explore_further(run_id, submission)
            case AskRun():
                questions = Questions(self.runs, self.claims, self.leases)
                return await questions.ask(run_id, submission.request)
            case _:
                assert_never(submission)

    @override
    async def stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        driver = self.runs.driver(run_id)
        if driver is not None:
            await self.runs.stop(driver, cause, grace=grace)
            if cause == "user":
                await driver.ended.wait()
        elif cause == "user":
            await self._end(run_id)
        elif cause == "client":
            await self._ask_to_stop(run_id, grace)

    @override
    @asynccontextmanager
    async def follow(self, run_id: str) -> AsyncGenerator[LiveRun]:
        driver = self.runs.driver(run_id)
        here = driver.live if driver is not None else await self.runs.broken_off(run_id)
        if here is not None:
            yield here
            return
        async with following(run_id, self.records, self.leases, self.runs.state) as live:
            yield live

    @property
    @override
    def outlives(self) -> bool:
        return False

    @property
    @override
    def driven(self) -> tuple[str, ...]:
        return self.runs.ids

    @override
    async def leave(self, *, grace: float) -> None:
        try:
            while drivers := self.runs.drivers():
                async with open_task_group() as tasks:
                    for driver in drivers:
                        tasks.start_soon(partial(self.runs.leave, driver, grace=grace))
                # A caller that had the engine already may have submitted a run meanwhile.
                grace = 0.0
        except anyio.get_cancelled_exc_class():
            for driver in self.runs.drivers():
                log_unstored(driver)
            raise

    async def carry_out(self, run_id: str, request: LiveRequest) -> None:
        """Stop a run that this process drives, or lift its stop, at another process's request.

        Raises:
            JournalError: It could not be recorded.
        """
        driver = self.runs.driver(run_id)
        if driver is None:
            return
        if request.cause is None:
            await self.runs.lift(driver, ResumeRun())
        else:
            await self.runs.stop(driver, request.cause, grace=request.grace)

    async def _open(self, run_id: str, submission: OpenRun) -> bool:
        check_run_id(run_id)
        opening = submission.events
        try:
            claimed = await self.claims.open(run_id, opening)
        except RunExists:
            first = await self.records.read(run_id)
            # Its explores may still be on their way to the journal, in another process.
            if any(one.event != event for one, event in zip(first, opening, strict=False)):
                raise
            return False
        self.runs.drive(run_id, claimed)
        return True

    async def _explore_further(self, run_id: str, further: ExploreFurther) -> bool:
        """Add explores to a run: at once if it is under way, else by taking it up."""

        def plan(state: RunState) -> ExploresPlanned:
            return plan_further(state, further.problem, further.explores, run_id)

        while True:
            driver = self.runs.newest_driver(run_id)
            if driver is not None:
                if await driver.take_on(plan):
                    return True
                # The run has ended meanwhile, and is being given back.
                await driver.live.finished()
            elif (other := self.claims.under_way(run_id)) is not None:
                # Agents send several requests at once: the first takes the run up for all.
                await other.wait()
            else:
                break
        async with self.claims.alone(run_id):
            plan(await self.runs.state(run_id))
            claimed = await self.claims.take_in_turn(
                run_id, lambda state: (*lost_calls(state), plan(state))
            )
            self.runs.drive(run_id, claimed)
            return True

    async def _end(self, run_id: str) -> None:
        """End a run that this process does not drive, or ask its driver to end it."""
        try:
            async with self.claims.alone(run_id):
                read = partial(read_reply_or_failure, run_id)
                claimed = await self.claims.take(run_id, lambda state: abandonment(state, read))
                await self.claims.release(claimed.lease)
        except JournalBusy:
            await self._have_ended(run_id)

    async def _have_ended(self, run_id: str) -> None:
        """Ask the driver of a run to end it, and return once the run is not driven.

        The next driver, where a run goes on meanwhile, does not hear of the request to the last.
        """
        async with self.follow(run_id) as live:
            while not live.done:
                seen, state = live.changes, live.state
                if stop_events(state, "user"):
                    await self.leases.request_stop(run_id, "user")
                await live.changed(seen)

    async def _ask_to_stop(self, run_id: str, grace: float) -> None:
        """Ask the engine of another process, if one drives a run, to stop it for its client."""
        try:
            if await self.leases.is_driven(run_id):
                await self.leases.request_stop(run_id, "client", grace=grace)
        except JournalError as error:
            logger.error("run %s: its process could not be asked to stop it: %s", run_id, error)


@asynccontextmanager
async def open_local_engine(
    journal: EngineJournal,
    pool: Pool,
    states: RecentStates,
    *,
    places: int,
    day_cap_usd: Decimal | None,
) -> AsyncGenerator[LocalEngine]:
    """Open the engine for the length of a block; runs still going at its end are interrupted.

    Args:
        journal: The journal that stores the runs' records.
        pool: Gives their models.
        states: The states of the runs that were read last.
        places: The number of runs driven at once; the others wait in line.
        day_cap_usd: US dollars that all runs of the home may cost on one day; `None` for no cap.
    """
    async with open_task_group() as tasks:
        claims = Claims(journal, journal)
        runs = DrivenRuns(journal, pool, claims, states, tasks, Line(places), day_cap_usd)
        engine = LocalEngine(claims, runs, journal, journal)
        upkeep = Upkeep(journal, engine.carry_out, runs.give_up)
        tasks.start_soon(upkeep.keep, name="upkeep")
        try:
            yield engine
        finally:
            with last_act("stopping the runs", LEAVE_SECONDS):
                await engine.leave(grace=0.0)
            tasks.cancel_scope.cancel("the engine closes")
