"""The driver of one run: performs its commands and records their results.

The core decides: `atlas.steps` on the consequences of an event and on the calls that follow,
`atlas.deadlines` on time limits, `atlas.stopping` on stops. The driver makes records durable
before the calls they announce, also when the run is being stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import anyio
import anyio.abc

from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.commands import Call, Work
from atlas_mcp.atlas.deadlines import closes_at
from atlas_mcp.atlas.events import Event, ExploresPlanned, ExploringClosed, StopCause
from atlas_mcp.atlas.policy import is_over
from atlas_mcp.atlas.resuming import lifting
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.steps import Step, next_step
from atlas_mcp.atlas.stopping import (
    begins_nothing,
    can_be_lifted,
    is_at_rest,
    is_stopped,
    stop_events,
)
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Lease, Records
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.alarm import Alarm
from atlas_mcp.runs.driving.calling import Caller
from atlas_mcp.runs.driving.open_blocks import OpenBlocks
from atlas_mcp.runs.driving.reading import read_reply_or_failure
from atlas_mcp.runs.driving.recorder import Recorder
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.driving.work import SlowWork
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.task_groups import open_task_group


@dataclass(slots=True)
class Driver:
    """Drives one run to its end.

    Args:
        live: The run, shared with its watchers.
        lease: The right to append to it.
        journal: Stores its records.
        pool: Gives its models.
        reservation: Its part of the day's cap; without a cap it only counts.

    Attributes:
        ended: Set once `drive` has returned.
    """

    live: LiveRun
    lease: Lease
    journal: Records
    pool: Pool
    reservation: Reservation
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    _recorder: Recorder = field(init=False)
    # Open while calls may be made: after the run has its place, until nothing is left to do.
    _calls: anyio.abc.TaskGroup | None = field(init=False, default=None)
    _finished: anyio.Event = field(init=False, default_factory=anyio.Event)
    _scope: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    _closing: Alarm = field(init=False, default_factory=Alarm)
    _blocks: OpenBlocks = field(init=False, default_factory=OpenBlocks)
    _caller: Caller = field(init=False)
    _work: SlowWork = field(init=False)

    def __post_init__(self) -> None:
        taken_over = partial(self._scope.cancel, "the run has been taken over")
        self._recorder = Recorder(self.live, self.lease, self.journal, taken_over, self._on_broken)
        self._caller = Caller(self.live, self.pool, self._blocks, self._recorder, self.reservation)
        self._work = SlowWork(self.live.run_id)

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
                await self.reservation.leave(lambda: self._state)
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
        await self._take_on(plan(self._state))
        return True

    async def take_on_question(self, pose: Callable[[RunState], tuple[Event, ...]]) -> bool | None:
        """Ask a further question beside those that are being asked.

        Args:
            pose: Returns the records that pose it for the run's state; none where it is asked or
                answered already. If it raises, the run is unchanged.

        Returns:
            Whether it is asked because of this; `None` where the questions have come to their end,
            so that the run must be claimed for it.

        Raises:
            JournalError: It could not be recorded.
        """
        if self.begins_nothing or self.ended.is_set() or is_over(self._state):
            return None
        events = pose(self._state)
        await self._take_on(*events)
        return bool(events)

    async def stop(self, cause: StopCause, *, grace: float = 0.0) -> None:
        """Let no further call start. A later stop can only shorten the grace of an earlier one.

        Args:
            cause: The source of the request; `atlas.stopping` says which request counts.
            grace: Seconds that calls in flight get: their candidates can still be used.

        Raises:
            JournalError: The run was stopped, but the record that its user ended it could not be
                stored.
        """
        events = stop_events(self._state, cause)
        if is_at_rest(self._state) and not events:
            return
        # Set before the first await: a slow journal must not prolong the grace.
        self._blocks.stop(anyio.current_time() + grace)
        if events:
            await self._advance(*events)
            if cause == "user" and self._recorder.broken is not None:
                raise self._recorder.broken

    async def lift(
        self, *, max_explores: int | None = None, max_cost_usd: Decimal | None = None
    ) -> bool:
        """Take back the stop of a run that its client left; its calls in flight go on.

        Args:
            max_explores: The new ceiling; `None` leaves it.
            max_cost_usd: The new cap, US dollars; `None` leaves it.

        Returns:
            Whether it was taken back: false for a run that goes on, that was stopped for another
            cause, or that has come to its end or has not begun.

        Raises:
            InvalidInput: A limit cannot be that. Nothing was changed.
            JournalError: It could not be recorded; the run has broken off.
        """
        recorder = self._recorder
        is_carried_out = self._calls is not None and not self._scope.cancel_called
        if not (is_carried_out and can_be_lifted(self._state)) or recorder.broken is not None:
            return False
        event = lifting(self._state, max_explores=max_explores, max_cost_usd=max_cost_usd)
        self._blocks.lift()
        await self._advance(event)
        if recorder.broken is not None:
            raise recorder.broken
        return not self.lost

    async def _take_on(self, *events: Event) -> None:
        """Record what a caller adds to the run, and what follows from it."""
        if self._calls is None:
            # The run has not begun; its first step then decides on these events too.
            await self._recorder.record(*events)
        elif events:
            await self._advance(*events)
        if self._recorder.broken is not None:
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
        return self.lost or is_stopped(self._state)

    @property
    def begins_nothing(self) -> bool:
        """Whether neither the run nor a question about it makes a further call."""
        return self.lost or begins_nothing(self._state)

    @property
    def _state(self) -> RunState:
        return self.live.state

    async def _carry_out(self) -> None:
        await self.reservation.begin()
        begins = not self.begins_nothing
        if begins and (unprepared := await self._caller.prepare()) and not self.lost:
            await self._advance(*unprepared)
        # A run that was stopped before it began may still have replies to read.
        if self.lost or is_over(self._state):
            # The lease must not be given back while the record of its stop is being stored.
            await self._recorder.settled()
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

    async def _close_exploring(self) -> None:
        while True:
            await self._closing.rings()
            await self._advance(ExploringClosed())

    async def _advance(self, *events: Event) -> None:
        """Record events and their consequences, then make the calls that follow."""
        step = self._step(*events)
        batch = step.whole
        if step.calls and not self.reservation.covers(step.state):
            # What has happened is stored first: other processes may keep the day's cap busy.
            if not await self._recorder.keep(step.happened):
                return
            more = await self._caller.reserve(step.state)
            if more or self._state is not step.happened.state:
                await self._advance(*more)
                return
            batch = step.consequences(self.live.clock.now())
        if not await self._recorder.keep(batch):
            return
        self._closing.set(self.live.clock.loop_time(closes_at(self._state)))
        for call in step.calls:
            assert self._calls is not None, "a run asks nothing before it has begun"
            self._calls.start_soon(self._make, call, name=call_key(call.intent))
        # If the run broke off meanwhile, its stop decides on its calls.
        if is_over(step.state if self._recorder.broken is None else self._state):
            self._finished.set()

    def _step(self, *events: Event) -> Step:
        read = partial(read_reply_or_failure, self.live.run_id)
        step = next_step(self._state, events, self.live.clock.now(), read)
        # No work is done before the run has begun: it begins by reading the replies on record.
        if step.work and self._calls is not None and self._work.takes(step.work):
            self._calls.start_soon(self._do, step.state, step.work, name=type(step.work).__name__)
        return step

    async def _do(self, state: RunState, work: Work) -> None:
        await self._advance(await self._work.done(state, work))

    async def _make(self, call: Call) -> None:
        if await self._caller.make(call):
            await self._advance()
            await self.reservation.keep(lambda: self._state)

    def _on_broken(self, cause: JournalError) -> None:
        """Abort the calls in flight: their replies could not be stored."""
        self.reservation.leave_to_others(str(cause))
        self._caller.is_cut_off = True
        self._blocks.shorten(anyio.current_time())
