"""Questions about runs: put beside others that are being asked, or after claiming their run.

Owns the choice between the cases of a run: this process asks questions about it already, another
process drives it, or none does. A run that goes on is asked nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.questions import STILL_GOING, QuestionRequest, pose
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.errors import InvalidInput
from atlas_mcp.journal.base import Leases
from atlas_mcp.runs.driving.claims import Claims
from atlas_mcp.runs.local.driven_runs import DrivenRuns


@dataclass(slots=True)
class Questions:
    """Has the questions about the runs of one engine asked.

    Args:
        runs: Drives them.
        claims: Claims them.
        leases: Know which runs other processes drive.
    """

    runs: DrivenRuns
    claims: Claims
    leases: Leases

    async def ask(self, run_id: str, request: QuestionRequest) -> bool:
        """Have a question asked, and return whether it is because of this: see `Engine.submit`.

        Raises:
            InvalidInput: The run does not allow it. Nothing was spent.
            UnknownRun: There is no such run.
            JournalBusy: Another engine drives the run, and did not come to its end in time.
            JournalError: It could not be recorded.
        """
        beside = partial(pose, request=request, driven=True)
        while True:
            driver = self.runs.newest_driver(run_id)
            if driver is not None:
                taken = await driver.take_on_question(beside)
                if taken is not None:
                    return taken
                # It has come to its end, or is about to, and is being given back.
                await driver.live.finished()
            elif (other := self.claims.under_way(run_id)) is not None:
                # Of several questions at once, the first takes the run up for all.
                await other.wait()
            else:
                break
        async with self.claims.alone(run_id):
            return await self._claim(run_id, partial(pose, request=request, driven=False))

    async def _claim(self, run_id: str, alone: partial[tuple[Event, ...]]) -> bool:
        state = await self.runs.state(run_id)
        if not is_at_rest(state) and await self.leases.is_driven(run_id):
            raise InvalidInput("run_id", STILL_GOING)
        posed = alone(state)
        # A reply that was paid for is read, where the process died before that.
        if not posed and not state.open_questions:
            return False
        claimed = await self.claims.take_in_turn(run_id, alone)
        self.runs.drive(run_id, claimed)
        return bool(posed)
