"""Shows and stores the records of one run, in the order in which they were decided.

Owns the records between a decision and the disk: those that the journal has not confirmed yet, and
those that it refused, which are offered again before the run is left. Once the journal takes no
more records, it stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.events import (
    Event,
    OrchestratorReplied,
    Record,
    SolverReplied,
)
from atlas_mcp.atlas.question_events import QuestionReplied
from atlas_mcp.atlas.steps import Batch, batch_of
from atlas_mcp.atlas.stopping import stop_events
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, JournalUnflushed
from atlas_mcp.journal.base import Lease, Records
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.snapshot import BrokenOff

SALVAGE_SECONDS = 2.0
"""Seconds for which refused records are offered to the journal again."""

SALVAGE_RETRY_SECONDS = 0.1
"""Seconds between these offers."""


@dataclass(slots=True)
class Recorder:
    """Appends to one run.

    Args:
        live: The run, shared with its watchers.
        lease: The right to append to it.
        journal: The journal that stores its records.
        on_taken_over: Called once another process has taken the run over.
        on_broken: Called once, with the cause, when the journal takes no more records.

    Attributes:
        lost: Whether the run was taken over, so that its state here may be ahead of its records.
        broken: Why the journal takes no more records; `None` while it does.
    """

    live: LiveRun
    lease: Lease
    journal: Records
    on_taken_over: Callable[[], None]
    on_broken: Callable[[JournalError], None]
    lost: bool = field(init=False, default=False)
    broken: JournalError | None = field(init=False, default=None)
    _unstored: list[Record] = field(init=False, default_factory=list[Record])
    # Records passed to the journal without an answer yet; only the run's end cancels the wait.
    _storing: list[Record] = field(init=False, default_factory=list[Record])
    _all_stored: anyio.Event = field(init=False, default_factory=anyio.Event)

    def batch(self, *events: Event) -> Batch:
        """Return events as one write, on top of the run's present state."""
        return batch_of(self.live.state, events, self.live.clock.now())

    async def record(self, *events: Event) -> bool:
        """Show and store events: see `keep`."""
        return await self.keep(self.batch(*events))

    async def keep(self, batch: Batch) -> bool:
        """Show and store a batch; return whether the run is still ours to write.

        The state shown is ahead of the journal for a moment. That is safe, since records reach the
        journal in the order in which they were applied: nothing later is stored without them.
        """
        self.live.publish(batch.state)
        await self._store(batch.records)
        return not self.lost

    async def _store(self, records: Sequence[Record]) -> None:
        if self.broken is not None:
            self._unstored += records
            return
        with self._expecting(records):
            try:
                await self.journal.append(self.lease, records)
            except JournalBusy:
                self.give_up()
            except JournalError as error:
                if not isinstance(error, JournalUnflushed):
                    self._unstored += records
                self.break_off(error)
            except anyio.get_cancelled_exc_class():
                self._unstored += records
                raise
            else:
                if records:
                    self.live.note_stored(records[-1].seq)

    @contextmanager
    def _expecting(self, records: Sequence[Record]) -> Generator[None]:
        """Count records as passed to the journal while the block waits for its answer."""
        self._storing += records
        try:
            yield
        finally:
            self._storing = [one for one in self._storing if one not in records]
            if not self._storing:
                bell, self._all_stored = self._all_stored, anyio.Event()
                bell.set()

    async def settled(self) -> None:
        """Return once the journal has answered for all records passed to it."""
        while self._storing:
            await self._all_stored.wait()

    def give_up(self) -> None:
        """Drop the run where it stands: another process has taken it over and writes it now."""
        self.lost = True
        self.on_taken_over()

    def break_off(self, cause: JournalError) -> None:
        """Have the run stop, since the journal takes no more records."""
        if self.broken is not None:
            return
        self.broken = cause
        self.on_broken(cause)
        stop = self.batch(*stop_events(self.live.state, "shutdown"))
        self._unstored += stop.records
        self.live.publish(stop.state)

    @property
    def unstored(self) -> tuple[int, int]:
        """The number of records that are shown but may not be stored, and of those with a reply."""
        records = [] if self.lost else [*self._storing, *self._unstored]
        return len(records), _replies_in(records)

    async def end(self, *, cut_off: int) -> None:
        """Offer refused records to the journal once more, and log the lost ones.

        Args:
            cut_off: Calls under way at their endpoints whose replies were given up.
        """
        if self.broken is None:
            return
        with anyio.move_on_after(SALVAGE_SECONDS, shield=True):
            # Another task may just be recording that the run is to stop.
            await self.settled()
            self._unstored.sort(key=lambda record: record.seq)
            while self._unstored and not self.lost:
                try:
                    await self.journal.append(self.lease, self._unstored)
                except JournalBusy:
                    self.lost = True
                except JournalUnflushed:
                    self._unstored = []
                except JournalError:
                    await anyio.sleep(SALVAGE_RETRY_SECONDS)
                else:
                    self._unstored = []
        stored = self._unstored[0].seq - 1 if self._unstored else self.live.state.seq
        if not self.lost:
            self.live.note_stored(stored)
        self.live.break_off(
            BrokenOff(
                str(self.broken),
                stored,
                _replies_in(self._unstored),
                cut_off,
                isinstance(self.broken, JournalCorrupt),
            ),
            () if self.lost else tuple(self._unstored),
        )


def _replies_in(records: Sequence[Record]) -> int:
    paid = SolverReplied | OrchestratorReplied | QuestionReplied
    return sum(isinstance(one.event, paid) for one in records)
