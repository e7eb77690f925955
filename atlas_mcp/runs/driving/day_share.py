"""A run's share of the day's cap, asked for before its calls and given back after them.

Decides when the journal is asked. The size of the share is a function of the run's state
(`atlas.day_cap`); `reservation` keeps it in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.atlas.day_cap import reservation_kept, reservation_needed
from atlas_mcp.atlas.events import DayCapReached, Event
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError
from atlas_mcp.runs.driving.recorder import Recorder
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.live import LiveRun


@dataclass(slots=True)
class DayShare:
    """One run's share of the day's cap; without a cap everything is covered."""

    day_cap: Reservation
    live: LiveRun
    recorder: Recorder

    def covers(self, state: RunState) -> bool:
        """Return whether the share pays for the run's commitments and its synthesis."""
        return self.day_cap.cap is None or reservation_needed(state) <= self.day_cap.committed

    async def enlarge(self, state: RunState) -> tuple[Event, ...]:
        """Ask for the share that a state needs, and return the events to record."""
        cap = self.day_cap.cap
        assert cap is not None, "without a cap everything is covered"
        try:
            granted = await self.day_cap.cover(
                reservation_needed(state), spent=self.live.state.ledger.gone
            )
        except JournalError as error:
            self.recorder.break_off(error)
            return ()
        return () if granted is None else (DayCapReached(granted, cap),)

    async def settle(self) -> None:
        """Give back the money that the run does not need any more after a call has ended."""
        await self.day_cap.settle(
            lambda: reservation_kept(self.live.state, self.day_cap.committed),
            spent=self.live.state.ledger.gone,
        )

    async def leave(self) -> None:
        """Give back all that a run holds and has not spent."""
        state = self.live.state
        await self.day_cap.settle(lambda: self.live.state.ledger.committed, spent=state.ledger.gone)
