"""The service: all that the command line and the server ask of runs, behind one object.

A run belongs to the service and not to a request: requests open runs, wait for them and look at
them. The service carries nothing out itself. `planning` turns a request into a submission, the
engine carries it out, and a journal keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal

import anyio

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.questions import number_of
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import Settings
from atlas_mcp.journal.base import ListedRun, Records, RunIndex, Tasks
from atlas_mcp.journal.clients import Drivers, Patience
from atlas_mcp.journal.search import FoundRuns, Progress, Search, Statistics
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.callers import OwnCallers
from atlas_mcp.runs.demand import Demand
from atlas_mcp.runs.engine import AskRun, Engine, ExploreFurther, OpenRun, ResumeRun
from atlas_mcp.runs.joining import Joining
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.planning import Planner
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.retention import Keep
from atlas_mcp.runs.run_ids import new_run_id
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.runs.tidying import expired_runs

CANCEL_SECONDS = 10.0
"""Seconds to wait for a cancelled run to have ended: its calls are aborted at once, but another
process must first see the request, and may be frozen."""


@dataclass(slots=True, kw_only=True)
class RunService:
    """Opens, stops and shows runs. Made by `open_service`, never by hand.

    Attributes:
        callers: The tool calls of this process that wait for runs.
        joining: Gives tool calls their runs, so that identical ones share one.
        demand: Stops runs of this process that were left by the calls of others, while a server
            that has no run but for tool calls watches it.
        records, index, tasks, drivers, patience: The parts of the journal that callers read by
            themselves.
        history: The part of the journal that finds runs again.
    """

    settings: Settings
    pool: Pool
    planner: Planner
    engine: Engine
    callers: OwnCallers
    joining: Joining
    demand: Demand
    states: RecentStates
    records: Records
    index: RunIndex
    history: Search
    tasks: Tasks
    drivers: Drivers
    patience: Patience

    async def solve(self, problem: Problem, request: RunRequest) -> str:
        """Open an ATLAS run and return its id; the engine carries it on, and nobody joins it.

        Raises:
            AtlasError: As `Planner.solve` and `Engine.submit` say. Nothing was spent.
        """
        return await self._open(await self.planner.solve(problem, request))

    async def explore(
        self,
        problem: Problem | None,
        request: RunRequest,
        explores: ExploreRequest,
        *,
        run_id: str | None = None,
    ) -> str:
        """Run explores that the client asks for, and return the id of their run.

        Without a `run_id` a new run is opened as `request` says; with one, the explores are added
        to that run, whose problem need not be repeated.

        Raises:
            AtlasError: As `Planner.explore` and `Engine.submit` say. Nothing was spent.
        """
        if run_id is None:
            return await self._open(await self.planner.explore(problem, request, explores))
        await self.engine.submit(run_id, ExploreFurther(problem, explores))
        return run_id

    async def resume(
        self,
        run_id: str,
        *,
        max_explores: int | None = None,
        max_cost_usd: float | Decimal | None = None,
        instruction: str | None = None,
    ) -> bool:
        """Let a run go on that has stopped, and return whether it goes on because of this.

        Nothing happens to a run that has its answer, or that is still going, unless a limit is to
        be raised: the ceiling of explores, or the cap in US dollars. `None` leaves a limit. An
        instruction has the orchestrator gather further evidence, also where it has answered.

        Raises:
            InvalidInput: A limit cannot be that, the run is still going, or it has no orchestrator
                to follow an instruction. Nothing was spent.
            JournalError: There is no such run, or another process has it and more is asked for.
        """
        more = ResumeRun.under(max_explores, max_cost_usd, instruction)
        return await self.engine.submit(run_id, more)

    async def ask(
        self,
        run_id: str,
        question: str,
        *,
        max_cost_usd: float | Decimal | None = None,
        fresh: bool = False,
    ) -> int:
        """Ask a question about a run, and return its number; the engine has it answered.

        The orchestrator answers from the evidence on record, at a cost under the cap of the run. A
        question that was answered on the same evidence is not asked again, unless it is to be
        `fresh`.

        Raises:
            InvalidInput: The run is still going or has too little money left, or an argument breaks
                a rule. Nothing was spent.
            ConfigError: The cap of the day leaves too little.
            JournalError: There is no such run, or another process has it.
        """
        request = await self.planner.question(
            await self.state(run_id), question, max_cost_usd=max_cost_usd, fresh=fresh
        )
        await self.engine.submit(run_id, AskRun(request))
        return number_of(await self.state(run_id), run_id, request.question)

    async def cancel(self, run_id: str) -> RunSnapshot:
        """End a run, wherever it is driven: calls in flight are aborted at once.

        Returns:
            The run, with the costs of the aborted calls; one that had ended is left as it was, but
            for questions about it, which end.

        Raises:
            UnknownRun: There is no such run.
        """
        with anyio.move_on_after(CANCEL_SECONDS):
            # The process that is asked to end it may be gone, or lose the run, before it has.
            while (await self.states.state(run_id)).finished is None:
                await self.engine.stop(run_id, "user")
            if (await self.look(run_id)).asking:
                await self.engine.stop(run_id, "user")
        run = await self.look(run_id)
        # Nobody waits for it any more, and no identical call goes on with it.
        await self.callers.receive(run)
        return run

    async def stop(self, run_id: str) -> None:
        """Stop a run because the request that wanted it has ended: see `OwnCallers.stop`."""
        await self.callers.stop(run_id)

    async def leave(self, *, grace: float) -> None:
        """Leave the runs that end with this process to be resumed: see `Engine.leave`."""
        await self.engine.leave(grace=grace)

    @property
    def driven(self) -> tuple[str, ...]:
        """The ids of the runs that end with this process."""
        return self.engine.driven

    def watching(self, run_id: str) -> AbstractAsyncContextManager[LiveRun]:
        """Keep a run up to date for the length of a block, wherever it is driven."""
        return self.engine.follow(run_id)

    async def state(self, run_id: str) -> RunState:
        """Return the state of the run: its records, folded.

        Raises:
            UnknownRun: There is no such run.
        """
        async with self.watching(run_id) as live:
            return live.state

    async def look(self, run_id: str) -> RunSnapshot:
        """Return the run as it is now.

        Raises:
            UnknownRun: There is no such run.
        """
        async with self.watching(run_id) as live:
            return live.snapshot()

    async def read(self, run_id: str) -> tuple[Record, ...]:
        """Return the records of a run.

        Raises:
            UnknownRun: There is no such run.
        """
        return await self.records.read(run_id)

    async def wait(self, run_id: str, seconds: float) -> RunSnapshot:
        """Return the run once it is driven no more, or as it is after `seconds`.

        Raises:
            UnknownRun: There is no such run.
        """
        with anyio.move_on_after(seconds):
            async with self.watching(run_id) as live:
                await live.finished()
        return await self.look(run_id)

    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        """Return the newest runs of this machine, newest first."""
        return await self.index.list_runs(limit=limit)

    async def expired(self, keep: Keep) -> tuple[ListedRun, ...]:
        """Return the runs beyond the limits, longest idle first; never one that is driven."""
        return await expired_runs(self.index, keep)

    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        """Remove runs, but none that is driven or has changed since; return the ids removed."""
        return await self.index.remove(runs)

    async def search(
        self,
        text: str = "",
        *,
        patience: float | None,
        limit: int = 50,
        offset: int = 0,
        progress: Progress | None = None,
    ) -> FoundRuns:
        """Return the runs with all words of a text; without words, the newest.

        Args:
            text: Words of problems, answers, solvers and models, or the beginning of a run's id.
            patience: Seconds for which changed runs are read before; `None` until all are read.
            limit: Most runs.
            offset: Runs left out before the first.
            progress: Is told how many of them were read.
        """
        await self.history.catch_up(seconds=patience, progress=progress)
        return await self.history.search(text, limit=limit, offset=offset)

    async def statistics(
        self, *, patience: float | None, progress: Progress | None = None
    ) -> Statistics:
        """Return all runs of this machine, added up; see `search`."""
        await self.history.catch_up(seconds=patience, progress=progress)
        return await self.history.statistics()

    async def _open(self, submission: OpenRun) -> str:
        await self.planner.check_day_cap(submission)
        run_id = new_run_id()
        await self.engine.submit(run_id, submission)
        return run_id
