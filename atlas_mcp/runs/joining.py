"""From a tool call to its run: opened for it, or joined where an identical call has one.

Owns the decision on which runs are joined. Identical calls in one home share a run that is in
flight, or that its client has just cut off; an answer that nobody received is handed over once. A
call that joins a run spends nothing of its own: the day's cap is checked where a run is opened.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import anyio

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.questions import number_of
from atlas_mcp.errors import AtlasError, InvalidInput, JournalBusy, UnknownRun
from atlas_mcp.runs.callers import Entry, Joined, OwnCallers, RunCaller
from atlas_mcp.runs.engine import AskRun, Engine, ExploreFurther, OpenRun, ResumeRun, Submission
from atlas_mcp.runs.planning import Planner
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.request_digests import digest_of
from atlas_mcp.runs.run_ids import new_run_id
from atlas_mcp.runs.snapshot import RunSnapshot

logger = logging.getLogger(__name__)

TRIES = 3
"""Runs that a call tries to join before it opens one; each is left by all calls identical to it."""


class RunCall(NamedTuple):
    """A tool call that has its run.

    Attributes:
        caller: The call, which waits for the run.
        joined: How it came to the run of an identical call; `None` where it did not.
    """

    caller: RunCaller
    joined: Joined | None = None


class QuestionCall(NamedTuple):
    """A tool call that waits for the answer to a question.

    Attributes:
        run: The call, with its run.
        number: The question.
    """

    run: RunCall
    number: int


@dataclass(slots=True, kw_only=True)
class Joining:
    """Gives tool calls their runs.

    Args:
        planner: Plans the runs that are opened.
        engine: Carries them out.
        callers: The calls of this process.
    """

    planner: Planner
    engine: Engine
    callers: OwnCallers
    # Keep the invariant that one at a time of identical calls of this process opens or resumes a
    # run: the others find it on record.
    _turns: dict[str, anyio.Lock] = field(init=False, default_factory=dict[str, anyio.Lock])

    async def solve(self, problem: Problem, request: RunRequest, *, fresh: bool = False) -> RunCall:
        """Join the run of an identical call, or open one.

        Args:
            problem: The problem.
            request: The run.
            fresh: Whether to open another in any case.

        Raises:
            AtlasError: As `Planner.solve`, `Planner.check_day_cap` and `Engine.submit` say. Nothing
                was spent.
        """
        plan = await self.planner.solve(problem, request)
        digest = await digest_of(plan)
        async with self._turn(digest):
            return await self._solve(plan, digest, fresh=fresh)

    async def explore(
        self,
        problem: Problem | None,
        request: RunRequest,
        explores: ExploreRequest,
        *,
        run_id: str | None = None,
    ) -> RunCall:
        """Join the run of an identical call that was cut off, or run explores: see the service.

        Identical calls of which none was cut off are independent: several candidates of one kind
        are asked for on purpose. Each that was cut off is joined by one other.

        Raises:
            AtlasError: As `Planner.explore`, `Planner.check_day_cap` and `Engine.submit` say.
                Nothing was spent.
        """
        if run_id is None:
            opening = await self.planner.explore(problem, request, explores)
            return await self._explore(new_run_id(), opening)
        return await self._explore(run_id, ExploreFurther(problem, explores), run_id)

    async def resume(
        self,
        run_id: str,
        *,
        max_explores: int | None = None,
        max_cost_usd: float | Decimal | None = None,
        instruction: str | None = None,
    ) -> RunCall | None:
        """Let a run go on that has stopped, and wait for it: see the service.

        Returns:
            The call; `None` where the run does not go on because of it.

        Raises:
            AtlasError: As `Engine.submit` says. Nothing was spent.
        """
        # Stored first: a run that goes on with nobody who wants it is stopped at once.
        caller = (await self.callers.add(run_id)).caller
        async with self._kept(caller):
            more = ResumeRun.under(max_explores, max_cost_usd, instruction)
            if await self._submit(caller, more):
                return RunCall(caller)
            await self.callers.drop(caller)
            return None

    async def ask(
        self,
        run_id: str,
        question: str,
        *,
        max_cost_usd: float | Decimal | None = None,
        fresh: bool = False,
    ) -> QuestionCall:
        """Ask a question about a run, and wait for the answer: see the service.

        Raises:
            AtlasError: As `Planner.question` and `Engine.submit` say. Nothing was spent.
        """
        # Stored first: a question that nobody wants answered is stopped at once.
        caller = (await self.callers.add(run_id)).caller
        async with self._kept(caller):
            state = (await self._look(run_id)).state
            request = await self.planner.question(
                state, question, max_cost_usd=max_cost_usd, fresh=fresh
            )
            await self._submit(caller, AskRun(request))
            after = (await self._look(run_id)).state
            return QuestionCall(RunCall(caller), number_of(after, run_id, request.question))

    async def resume_promised(self, run_id: str) -> None:
        """Let a run go on that has stopped, for a caller that looks at it from time to time.

        Raises:
            AtlasError: As `Engine.submit` says. Nothing was spent.
        """
        if (call := await self.resume(run_id)) is not None:
            async with self._kept(call.caller):
                await self.callers.promise(call.caller)
                self.callers.told(call.caller)

    async def go_on(self, run_id: str) -> None:
        """Undo a stop that came although a call waits for the run; one that cannot be stays.

        Another process may have stopped it in the moment in which it was joined.
        """
        try:
            await self.engine.submit(run_id, ResumeRun())
        except AtlasError as error:
            logger.warning("run %s was stopped while a call waits for it: %s", run_id, error)

    async def _solve(self, plan: OpenRun, digest: str, *, fresh: bool) -> RunCall:
        for left in reversed(range(TRIES)):
            own_id = new_run_id()
            if fresh or not left:
                entry = await self.callers.add_fresh(own_id, digest)
            else:
                entry = await self.callers.add(own_id, digest)
            async with self._kept(entry.caller):
                if (call := await self._run_of(entry, plan)) is not None:
                    return call
        raise AssertionError("the last try opens a run")

    async def _explore(
        self, own_id: str, asked: OpenRun | ExploreFurther, run_id: str | None = None
    ) -> RunCall:
        digest = await digest_of(asked, run_id)
        for left in reversed(range(TRIES)):
            if left:
                entry = await self.callers.add(own_id, digest, after_cut=True)
            else:
                entry = await self.callers.add_fresh(own_id, digest)
            # A run to which explores were to be added has perhaps none of them.
            has_begun = entry.joined or run_id is None
            async with self._kept(entry.caller, has_begun=has_begun):
                if (call := await self._run_of(entry, asked)) is not None:
                    return call
        raise AssertionError("the last try asks for explores of its own")

    async def _run_of(self, entry: Entry, asked: OpenRun | ExploreFurther) -> RunCall | None:
        """Have the run of a caller carried out; `None` where the run is not for it."""
        if not entry.joined:
            return await self._open(entry.caller, asked)
        call = await self._come_to(entry.caller, asked)
        if call is None:
            await self.callers.part(entry.caller)
        return call

    async def _open(self, caller: RunCaller, asked: OpenRun | ExploreFurther) -> RunCall:
        """Have a run opened, or explores added to it."""
        if isinstance(asked, OpenRun):
            await self.planner.check_day_cap(asked)
        await self._submit(caller, asked)
        return RunCall(caller)

    async def _submit(self, caller: RunCaller, submission: Submission) -> bool:
        """Have a run carried out for a caller, which may have been cut off meanwhile."""
        goes_on = await self.engine.submit(caller.run_id, submission)
        if not caller.waits:
            await self.callers.stop_unless_wanted(caller.run_id)
        return goes_on

    async def _come_to(self, caller: RunCaller, asked: OpenRun | ExploreFurther) -> RunCall | None:
        """Take a call to the run of an identical one; `None` where that is not for it."""
        try:
            run = await self._look(caller.run_id)
        except UnknownRun:
            if not isinstance(asked, OpenRun):
                raise
            # The other call is about to open it, or could not: a run is opened once.
            return (await self._open(caller, asked))._replace(joined="in_flight")
        state, ended = run.state, run.state.finished is not None
        if ended and not run.was_cut:
            return RunCall(caller, "handed_over") if run.status == "answered" else None
        if state.stop_cause == "user":
            return None
        if run.driven and not ended and state.stop_cause is None:
            return RunCall(caller, "in_flight")
        try:
            await self._submit(caller, ResumeRun())
        except InvalidInput:
            return None
        except JournalBusy:
            # Its process is about to give it back: the call that waits has it go on then.
            pass
        return RunCall(caller, "goes_on")

    async def _look(self, run_id: str) -> RunSnapshot:
        async with self.engine.follow(run_id) as live:
            return live.snapshot()

    @asynccontextmanager
    async def _kept(self, caller: RunCaller, *, has_begun: bool = True) -> AsyncGenerator[None]:
        """Cut a caller off where a block is cancelled, and drop it where the block fails."""
        try:
            yield
        except anyio.get_cancelled_exc_class():
            await self.callers.cut(caller, has_begun=has_begun)
            raise
        except BaseException:
            await self.callers.drop(caller)
            raise

    @asynccontextmanager
    async def _turn(self, digest: str) -> AsyncGenerator[None]:
        """Wait for one's turn among identical calls of this process, for the length of a block."""
        lock = self._turns.setdefault(digest, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(digest, None)
