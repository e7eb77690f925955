"""Going on with a run that has stopped, or that is about to.

Owns the choice between three ways: a stop of its client is lifted while calls are in flight, here
or by the engine that carries the run out; the end of a run that is to stop for another cause is
waited for; and a run that no engine carries out is claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import anyio

from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.stopping import can_be_lifted, is_at_rest, is_stopped
from atlas_mcp.errors import InvalidInput, JournalBusy
from atlas_mcp.journal.base import Leases
from atlas_mcp.runs.driving.claims import Claims
from atlas_mcp.runs.engine import ResumeRun
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.driven_runs import DrivenRuns

LET_GO_SECONDS = 15.0
"""Seconds to wait until a run that is to stop has ended, its stop is lifted, or the process of an
ended run, which may be frozen, gives the run back."""


@dataclass(slots=True)
class Resumptions:
    """Resumes the runs of one engine.

    Args:
        runs: Drives them.
        claims: Claims them.
        leases: Ask the engines of other processes.
        follow: Keeps a run up to date for the length of a block, wherever it is carried out.
    """

    runs: DrivenRuns
    claims: Claims
    leases: Leases
    follow: Callable[[str], AbstractAsyncContextManager[LiveRun]]

    async def resume(self, run_id: str, limits: ResumeRun) -> bool:
        """Let a run go on, and return whether it does because of this: see `Engine.submit`.

        Raises:
            InvalidInput: The run does not allow it, or goes on and a limit is to be raised.
            UnknownRun: There is no such run.
            JournalBusy: Another engine carries the run out and it does not go on there, or a limit
                is to be raised.
            JournalError: It could not be recorded.
        """
        driver = self.runs.driver(run_id)
        if driver is not None and await self.runs.lift(driver, limits):
            return True
        goes_on = None
        with anyio.move_on_after(LET_GO_SECONDS):
            goes_on = await self._let_go(run_id, limits)
        return await self._claim(run_id, limits) if goes_on is None else goes_on

    async def _let_go(self, run_id: str, limits: ResumeRun) -> bool | None:
        """Return once a run is free to be claimed, or goes on.

        Returns:
            `None` once no engine carries it out; else whether it goes on because its stop was
            lifted here.
        """
        asked = False
        async with self.follow(run_id) as live:
            while not live.done and (is_stopped(live.state) or is_at_rest(live.state)):
                seen = live.changes
                if can_be_lifted(live.state) and not (asked or live.here or limits.asks_for_more):
                    asked = True
                    await self.leases.request_lift(run_id)
                await live.changed(seen)
            if live.done:
                return None
        if limits.asks_for_more:
            raise InvalidInput(
                "run_id",
                f"{run_id!r} is still going under the limits it has; wait for its end, or call "
                "cancel_run first",
            )
        return asked

    async def _claim(self, run_id: str, limits: ResumeRun) -> bool:
        resume = partial(
            resumption,
            max_explores=limits.max_explores,
            max_cost_usd=limits.max_cost_usd,
            instruction=limits.instruction,
        )
        if not resume(await self.runs.state(run_id)):
            return False
        async with self.claims.alone(run_id):
            try:
                claimed = await self.claims.take(run_id, resume)
            except JournalBusy:
                state = await self.runs.state(run_id)
                if limits.asks_for_more or is_stopped(state) or is_at_rest(state):
                    raise
                return False
            if claimed.state.finished is not None:
                # Another process has ended it meanwhile.
                await self.claims.release(claimed.lease)
                return False
            self.runs.drive(run_id, claimed)
            return True
