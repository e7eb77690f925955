"""A run as its engine shows it to the callers that watch it.

Owns the facts that are shown and not recorded: the tokens of replies that are still coming in, the
latest notice, the place in line. It also lets callers wait for the next change. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import anyio

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.snapshot import BrokenOff, RunSnapshot


class PlaceInLine(Protocol):
    """A run's place among those that its engine carries out at once."""

    @property
    def where(self) -> str | None:
        """Where the run stands in line, for people; `None` once it has its place."""
        ...


@dataclass(slots=True)
class LiveRun:
    """The newest state of a run, and a bell that rings when it changes.

    Attributes:
        run_id: Its id.
        state: Its records so far, folded.
        tokens: Output tokens so far of calls in flight, by the call's ledger key.
        done: Whether its driver has ended.
        changes: Counts what has changed; rises with every record.
        stored: Number of the last record that the journal has confirmed to this process.
        broken: Why it broke off; `None` unless it did. Its state may be ahead of its records then.
        unstored: The records that its state has and the journal does not, in order; none unless it
            broke off.
        here: Whether this process carries it out, so that it ends with the process.
        beside: Whether the process beside this one carries it out, which may outlive this one.
        place: Its place among the runs of its engine, or in line for one.
        clock: The time of the run.
    """

    run_id: str
    state: RunState
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    done: bool = False
    changes: int = 0
    stored: int = 0
    broken: BrokenOff | None = None
    unstored: tuple[Record, ...] = ()
    here: bool = False
    beside: bool = False
    place: PlaceInLine | None = None
    _notice: Notice | None = None
    clock: RunClock = field(default_factory=RunClock)
    _bell: anyio.Event = field(default_factory=anyio.Event)

    @property
    def waiting(self) -> str | None:
        """Where it stands in line; `None` once it has its place."""
        return None if self.place is None else self.place.where

    @property
    def notice(self) -> Notice | None:
        """The step that is on no record: a download, a wait before a retry or for a place."""
        waiting = self.waiting
        return self._notice if waiting is None else Notice(waiting)

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now; one that broke off stays at the time of its last state."""
        broken = self.broken if self.done else None
        now = self.clock.now() if broken is None else self.state.at
        driven = not self.done
        return RunSnapshot(
            self.run_id,
            self.state,
            now,
            driven,
            broken,
            self.waiting,
            self.beside,
            dict(self.tokens),
        )

    def follow_up(self, state: RunState, *, driven: bool) -> None:
        """Take the state that another process has brought the run to, with its time.

        Args:
            state: The state by the records.
            driven: Whether that process drives the run still.
        """
        if state.seq > self.state.seq:
            self.clock.set(state.at)
        self.done = not driven
        self.publish(state)

    def lose(self) -> None:
        """Note that another process has taken the run over, so that it outlives this one."""
        self.here = False

    def break_off(self, broken: BrokenOff, unstored: tuple[Record, ...] = ()) -> None:
        """Note why the run goes on no more although it was not stopped.

        Args:
            broken: Why.
            unstored: The records that the state has and the journal does not, in order.
        """
        self.broken, self.unstored = broken, unstored

    def end(self) -> None:
        """Note that no process drives the run any more, and wake those who wait for that."""
        self.done = True
        self.publish()

    def count_tokens(self, call: str, count: int | None) -> None:
        """Show the output tokens so far of a call in flight; `None` once it is in flight no more.

        Watchers are not woken: tokens come too fast for that.
        """
        if count is None:
            self.tokens.pop(call, None)
        else:
            self.tokens[call] = count

    def publish(self, state: RunState | None = None) -> None:
        """Take the new state, if there is one, and wake those who wait."""
        if state is not None:
            self.state = state
        self.changes += 1
        self._ring()

    def note_stored(self, stored: int) -> None:
        """Note that the journal has the records up to `stored`."""
        self.stored = max(self.stored, stored)
        self._ring()

    def tell(self, notice: Notice | None) -> None:
        """Show a notice, or take it away with `None`."""
        if notice != self._notice:
            self._notice = notice
            self.publish()

    async def changed(self, since: int) -> None:
        """Return once there are more changes than `since`."""
        while self.changes <= since:
            await self._bell.wait()

    async def news(self, changes: int, stored: int) -> None:
        """Return once there are more changes, or more stored records, than these."""
        while self.changes <= changes and self.stored <= stored:
            await self._bell.wait()

    async def finished(self) -> None:
        """Return once the driver has ended."""
        while not self.done:
            await self._bell.wait()

    def _ring(self) -> None:
        bell, self._bell = self._bell, anyio.Event()
        bell.set()
