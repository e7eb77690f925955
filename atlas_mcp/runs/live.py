"""A run that this process drives, as those who watch it see it.

Owns what is worth showing and not worth keeping: tokens of replies that are still coming in, the
latest notice, and a way to wait for the next change.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.local.admission import Ticket
from atlas_mcp.runs.snapshot import BrokenOff


@dataclass(slots=True)
class LiveRun:
    """The newest state of a run, and a bell that rings when it changes.

    Attributes:
        run_id: Its id.
        state: What its records amount to so far.
        tokens: Output tokens so far of calls in flight, by the call's ledger key.
        done: Whether its driver has ended.
        changes: Counts what has changed; rises with every record.
        broken: Why it broke off; `None` unless it did. Its state may be ahead of its records then.
        ticket: Its place among the runs of this process, or in line for one.
        clock: The time of the run.
    """

    run_id: str
    state: RunState
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    done: bool = False
    changes: int = 0
    broken: BrokenOff | None = None
    ticket: Ticket | None = None
    _notice: Notice | None = None
    clock: RunClock = field(default_factory=RunClock)
    _bell: anyio.Event = field(default_factory=anyio.Event)

    @property
    def waiting(self) -> str | None:
        """Where it stands in line; `None` once it has its place."""
        return None if self.ticket is None else self.ticket.where

    @property
    def notice(self) -> Notice | None:
        """What is going on that is no record: a download, a wait before a retry or for a place."""
        waiting = self.waiting
        return self._notice if waiting is None else Notice(waiting)

    def publish(self, state: RunState | None = None) -> None:
        """Take the new state, if there is one, and wake those who wait."""
        if state is not None:
            self.state = state
        self.changes += 1
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    def tell(self, notice: Notice | None) -> None:
        """Show a notice, or take it away with `None`."""
        if notice != self._notice:
            self._notice = notice
            self.publish()

    async def changed(self, since: int) -> None:
        """Return once there are more changes than `since`."""
        while self.changes <= since:
            await self._bell.wait()

    async def finished(self) -> None:
        """Return once the driver has ended."""
        while not self.done:
            await self._bell.wait()
