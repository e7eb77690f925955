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


@dataclass(slots=True)
class LiveRun:
    """The newest state of a run, and a bell that rings when it changes.

    Attributes:
        run_id: Its id.
        state: What its records amount to so far.
        tokens: Output tokens so far of calls in flight, by the call's ledger key.
        notice: What is going on that is no record: a download, a wait before a retry.
        done: Whether its driver has ended.
        changes: Counts what has changed; rises with every record.
        clock: The time of the run.
    """

    run_id: str
    state: RunState
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    notice: Notice | None = None
    done: bool = False
    changes: int = 0
    clock: RunClock = field(default_factory=RunClock)
    _bell: anyio.Event = field(default_factory=anyio.Event)

    def publish(self, state: RunState | None = None) -> None:
        """Take the new state, if there is one, and wake those who wait."""
        if state is not None:
            self.state = state
        self.changes += 1
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    def tell(self, notice: Notice | None) -> None:
        """Show a notice, or take it away with `None`."""
        if notice != self.notice:
            self.notice = notice
            self.publish()

    async def changed(self, since: int) -> None:
        """Return once there are more changes than `since`."""
        while self.changes <= since:
            await self._bell.wait()

    async def finished(self) -> None:
        """Return once the driver has ended."""
        while not self.done:
            await self._bell.wait()
