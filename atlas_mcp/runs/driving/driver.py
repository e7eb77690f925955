"""The in-process driver: performs a run's commands and records their results.

The core decides: `atlas.policy` on the next commands, `atlas.calls` on the end of a call,
`atlas.deadlines` on time limits. The driver carries that out: it makes records durable before the
calls they announce, and a reply as soon as it has arrived, before anything reads it, also when the
run is being stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.abc
import anyio.to_thread

from atlas_mcp.atlas.calls import next_attempt
from atlas_mcp.atlas.commands import Call, Note, ReadReply
from atlas_mcp.atlas.deadlines import closes_at
from atlas_mcp.atlas.events import (
    AttemptFailed,
    Event,
    ExploresPlanned,
    ExploringClosed,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.policy import is_over, next_commands
from atlas_mcp.atlas.replies import is_quickly_read
from atlas_mcp.atlas.run_endings import unprepared
from atlas_mcp.atlas.run_facts import call_key
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import AtlasError, JournalError
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.calling import Caller
from atlas_mcp.runs.driving.day_share import DayShare
from atlas_mcp.runs.driving.open_blocks import OpenBlocks
from atlas_mcp.runs.driving.reading import read_reply_or_failure
from atlas_mcp.runs.driving.recorder import Batch, Recorder
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.task_groups import open_task_group


@dataclass(slots=True)
class Driver:
    """Drives one run to its end.

    Args:
        live: The run, shared with its watchers.
        lease: The right to append to it.
        journal: The journal that stores its records.
        pool: Gives its models.
        day_cap: The cap over all runs of the home on one day; without a cap it only counts.

    Attributes:
        ended: Set once `drive` has returned.
        left: Set once its lease has been given back as well.
    """

    live: LiveRun
    lease: Lease
    journal: Journal
    pool: Pool
    day_cap: Reservation
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    left: anyio.Event = field(init=False, default_factory=anyio.Event)
    _recorder: Recorder = field(init=False)
    # Open while calls may be made: after the run has its place, until nothing is left to do.
    _calls: anyio.abc.TaskGroup | None = field(init=False, default=None)
    _finished: anyio.Event = field(init=False, default_factory=anyio.Event)
    _scope: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    # Its deadline is the time at which exploring is to be closed.
    _closing: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    _blocks: OpenBlocks = field(init=False, default_factory=OpenBlocks)
    _caller: Caller = field(init=False)
    _day: DayShare = field(init=False)
    _reading: set[ReadReply] = field(init=False, default_factory=set[ReadReply])

    def __post_init__(self) -> None:
        taken_over = partial(self._scope.cancel, "the run has been taken over")
        self._recorder = Recorder(self.live, self.lease, self.journal, taken_over, self._on_broken)
        self._caller = Caller(self.live, self.pool, self._blocks)
        self._day = DayShare(self.day_cap, self.live, self._recorder)

    async def drive(self) -> None:
        """Carry out the run's commands until it has finished, is lost, or is to be resumed later.

        Raises:
            JournalError: A record could not be stored. No call followed it, and the calls in flight
                were aborted; `live.broken` has the details.
        """
        try:
            with self._scope:
                await self._carry_out()
        finally:
            await self._recorder.end(cut_off=self._caller.cut_off)
            if not self.lost:
                await self._day.leave()
            self.ended.set()
        if self._recorder.broken is not None and not self.lost:
            raise self._recorder.broken

    async def take_on(self, plan: Callable[[RunState], ExploresPlanned]) -> bool:
        """Add explores to a run; return whether it was still under way.

        Args:
            plan: Returns the explores for the run's state. If it raises, the run is unchanged.

        Raises:
            JournalError: The explores could not be stored.
        """
        if self.stopped or self.ended.is_set():
            return False
        planned = plan(self._state)
        if self._calls is None:
            # The run has not begun; its first step then decides on these explores too.
            await self._recorder.keep(self._recorder.begin(planned))
        else:
            await self._advance(planned)
        if self._recorder.broken is not None:
            raise self._recorder.broken
        return True

    async def stop(self, cause: StopCause, *, grace: float = 0.0) -> None:
        """Let no further call start. A later stop can only shorten the grace of an earlier one.

        Args:
            cause: The source of the request. "shutdown" leaves the run to be resumed, the others
                end it.
            grace: Seconds that calls in flight get: their candidates can still be used.

        Raises:
            JournalError: The run was stopped, but the record that its user ended it could not be
                stored.
        """
        if self._state.finished is not None:
            return
        # Set before the first await: a slow journal must not prolong the grace.
        self._blocks.stop(anyio.current_time() + grace)
        before = self._state.stop_cause
        if before is None or (cause == "user" and before != "user"):
            await self._advance(StopRequested(cause))
            if cause == "user" and self._recorder.broken is not None:
                raise self._recorder.broken

    def give_up(self) -> None:
        """Drop the run where it stands: another process has taken it over and writes it now."""
        self._recorder.give_up()

    def abort(self) -> None:
        """Drop the run and its calls, to be resumed: a bug kept it from being stopped."""
        self._scope.cancel("the run could not be stopped")

    @property
    def lost(self) -> bool:
        """Whether the run was taken over, so that its state here may be ahead of its records."""
        return self._recorder.lost

    @property
    def unstored(self) -> tuple[int, int]:
        """The number of records that are shown but may not be stored, and of those with a reply."""
        return self._recorder.unstored

    @property
    def stopped(self) -> bool:
        """Whether no further call of the run is to start."""
        state = self._state
        return self.lost or state.finished is not None or state.stop_cause is not None

    @property
    def _state(self) -> RunState:
        return self.live.state

    async def _carry_out(self) -> None:
        await self.day_cap.begin()
        if not self.stopped:
            await self._prepare()
        # A run that was stopped before it began may still have replies to read.
        if self.lost or is_over(self._state):
            return
        try:
            async with open_task_group() as calls:
                self._calls = calls
                calls.start_soon(self._close_exploring, name="deadline")
                await self._advance()
                await self._finished.wait()
                # A reply that arrived after the end is paid for, and is being stored.
                await self._recorder.settled()
                calls.cancel_scope.cancel("the run has finished")
        finally:
            self._calls = None

    async def _prepare(self) -> None:
        """Put models in place; if that fails, the run ends here, at no cost."""
        limit = anyio.current_time() + self._state.budget.time_limit_s
        error: str | None = None
        with self._blocks.bounded(limit, has_left=lambda: False):
            try:
                await self.pool.prepare(self._state.spec.models, on_notice=self.live.tell)
            except AtlasError as fault:
                error = str(fault)
            else:
                return
            finally:
                self.live.tell(None)
        if not self.stopped:
            await self._advance(unprepared(error))

    async def _close_exploring(self) -> None:
        while True:
            with self._closing:
                await anyio.sleep_forever()
            self._closing = anyio.CancelScope()
            await self._advance(ExploringClosed())

    async def _advance(self, *events: Event) -> None:
        """Record events and their consequences, then make the calls that follow."""
        batch = self._recorder.begin(*events)
        calls = self._decide(batch)
        if calls and not self._day.covers(batch.state):
            # The run needs more of the day's cap first; its next step is then decided anew.
            if await self._recorder.keep(self._recorder.begin(*events)):
                await self._advance(*await self._day.enlarge(batch.state))
            return
        if not await self._recorder.keep(batch):
            return
        self._closing.deadline = self.live.clock.loop_time(closes_at(self._state))
        for call in calls:
            assert self._calls is not None, "a run asks nothing before it has begun"
            self._calls.start_soon(self._make, call, name=call_key(call.intent))
        # If the run broke off meanwhile, its stop decides on its calls.
        if is_over(batch.state if self._recorder.broken is None else self._state):
            self._finished.set()

    def _decide(self, batch: Batch) -> list[Call]:
        """Add the consequences of a batch to it, and return the calls to make."""
        calls: list[Call] = []
        while commands := next_commands(batch.state):
            for command in commands:
                if isinstance(command, Note):
                    batch.add(command.event)
                elif not isinstance(command, ReadReply):
                    batch.add(command.intent)
                    calls.append(command)
                elif is_quickly_read(batch.state, command):
                    batch.add(read_reply_or_failure(self.live.run_id, batch.state, command))
                else:
                    # Nothing else is done before the reply has been read.
                    self._read_aside(batch.state, command)
                    return calls
        return calls

    def _read_aside(self, state: RunState, command: ReadReply) -> None:
        """Read a reply in a worker thread, unless that is being done already.

        Nothing is read before the run has begun: it begins by reading the replies on record.
        """
        if self._calls is not None and command not in self._reading:
            self._reading.add(command)
            self._calls.start_soon(self._read_in_thread, state, command, name="read a reply")

    async def _read_in_thread(self, state: RunState, command: ReadReply) -> None:
        read = partial(read_reply_or_failure, self.live.run_id, state, command)
        # Abandoned on a cancel: reading changes nothing, and the reply is on record.
        event = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        self._reading.discard(command)
        await self._advance(event)

    async def _make(self, call: Call) -> None:
        """Make a call, with its retries; record each result, then its consequences."""
        following: Call | Event | None = call
        while following is not None:
            if isinstance(following, Event):
                event = following
            else:
                call = following
                event = await self._caller.attempted(call)
            if not await self._recorder.keep(self._recorder.begin(event)):
                return
            if isinstance(event, AttemptFailed) and not self._day.covers(self._state):
                more = await self._day.enlarge(self._state)
                if not await self._recorder.keep(self._recorder.begin(*more)):
                    return
            following = next_attempt(self._state, call)
        self.live.tell(None)
        await self._advance()
        await self._day.settle()

    def _on_broken(self, cause: JournalError) -> None:
        """Abort the calls in flight: their replies could not be stored."""
        self.day_cap.know(str(cause))
        self._caller.is_cut_off = True
        self._blocks.shorten(anyio.current_time())
