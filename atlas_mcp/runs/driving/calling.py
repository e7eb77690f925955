"""Calls with their retries: ask the model under a deadline, and record every ending.

Owns the boundary at which a model's errors, and bugs, become a `NoReply`. `atlas.calls` decides on
another attempt, and on the cost that this one may have beyond its counts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

import anyio

from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.calls import Cause, NoReply, conclude, is_cut_off, next_attempt, spec_of
from atlas_mcp.atlas.commands import Call
from atlas_mcp.atlas.deadlines import deadline_of, prepared_by
from atlas_mcp.atlas.events import AttemptFailed, Event
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.question_calls import models_to_call
from atlas_mcp.atlas.run_endings import unprepared
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_CHARGE, Charge
from atlas_mcp.errors import AtlasError, JournalError, ModelDown, ModelError, ModelUnavailable
from atlas_mcp.models.base import Notice
from atlas_mcp.models.pictures.fitting import with_fitted_pictures
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.open_blocks import OpenBlocks
from atlas_mcp.runs.driving.reading import event_of_reply
from atlas_mcp.runs.driving.recorder import Recorder
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.live import LiveRun

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempt:
    """One attempt of a call.

    Attributes:
        live: The run; shows the count of tokens and the notices.
        pool: Gives the model.
        name: The call's name in the ledger.
        spec: The model.
        request: The request.
        fitted: Requests whose pictures fit their model, by call: a later attempt finds its own.
        may_be_billed: Whether the request has reached its endpoint.
        counted: The vendor's counts so far.
    """

    live: LiveRun
    pool: Pool
    name: str
    spec: ModelSpec
    request: ModelRequest
    fitted: dict[str, ModelRequest]
    may_be_billed: bool = False
    counted: Charge = NO_CHARGE

    async def make(self) -> Reply | NoReply:
        """Ask the model; every ending but a cancellation becomes a value."""
        try:
            model = await self.pool.loaded(self.spec, self.live.tell)
            if self.name not in self.fitted:
                self.fitted[self.name] = await with_fitted_pictures(self.request, self.spec)
            request = self.fitted[self.name]
            return await model.generate(request, on_tokens=self._on_tokens, on_usage=self._on_usage)
        except ModelError as error:
            return _no_reply(error)
        except AtlasError as error:
            return NoReply("rejected", str(error))
        except Exception as error:
            # A bug, or a body that a client library cannot handle. The call may have been billed,
            # so it is not made again.
            logger.exception("run %s: the call to %s failed", self.live.run_id, self.spec.model)
            what = f"the call failed in a way that is not foreseen ({type(error).__name__})"
            return self._broken_off("bug", f"{what}; the log says where")
        finally:
            self.live.count_tokens(self.name, None)

    def aborted(self, *, by_stop: bool) -> NoReply:
        """Return the end of an attempt that was broken off from here.

        Args:
            by_stop: Whether a stop of its run did that, and not its deadline.
        """
        return self._broken_off("stopped" if by_stop else "aborted", "")

    def _broken_off(self, cause: Cause, message: str) -> NoReply:
        return NoReply(cause, message, charge=self.counted, complete=not self.may_be_billed)

    def _on_tokens(self, count: int) -> None:
        self.live.count_tokens(self.name, count)

    def _on_usage(self, charge: Charge) -> None:
        self.may_be_billed, self.counted = True, charge


def _no_reply(error: ModelError) -> NoReply:
    cause: Cause = "rejected"
    retry_after = None
    if isinstance(error, ModelUnavailable):
        cause = "down" if isinstance(error, ModelDown) else "unavailable"
        retry_after = error.retry_after
    return NoReply(
        cause,
        error.message,
        error.model,
        error.request_id,
        error.charge or NO_CHARGE,
        error.complete,
        retry_after,
        error.given_up if isinstance(error, ModelDown) else "",
    )


@dataclass(slots=True)
class Caller:
    """Puts the models of one run in place, and makes its calls with their retries.

    Attributes:
        live: The run.
        pool: Gives its models.
        blocks: Bound the attempts, and end them when the run is to stop.
        recorder: Stores their results.
        reservation: Pays for them.
        is_cut_off: Whether the journal takes no more replies.
        cut_off: Calls under way at their endpoints whose replies were given up because of that.
    """

    live: LiveRun
    pool: Pool
    blocks: OpenBlocks
    recorder: Recorder
    reservation: Reservation
    is_cut_off: bool = False
    cut_off: int = 0
    _fitted: dict[str, ModelRequest] = field(init=False, default_factory=dict[str, ModelRequest])

    async def prepare(self) -> tuple[Event, ...]:
        """Put the run's models in place; return the end of the run where that fails."""
        state, clock, error = self.live.state, self.live.clock, None
        limit = clock.loop_time(prepared_by(state, clock.now()))
        with self.blocks.bounded(limit, gets_grace=lambda: False):
            try:
                await self.pool.prepare(models_to_call(state), on_notice=self.live.tell)
            except AtlasError as fault:
                error = str(fault)
            else:
                return ()
            finally:
                self.live.tell(None)
        return unprepared(self.live.state, error)

    async def make(self, call: Call) -> bool:
        """Make a call with its retries, and record each result before anything reads it.

        Returns:
            Whether the run is still ours to write.
        """
        following: Call | Event | None = call
        while following is not None:
            if isinstance(following, Event):
                event = following
            else:
                call = following
                event = await self._attempted(call)
            if not await self.recorder.record(event):
                return False
            failed = isinstance(event, AttemptFailed)
            if failed and not self.reservation.covers(self.live.state):
                more = await self.reserve(self.live.state)
                if not await self.recorder.record(*more):
                    return False
            # Once it has ended, a call that makes it again after a lift may have its name.
            following = next_attempt(self.live.state, call) if failed else None
        self.live.tell(None)
        return True

    async def reserve(self, state: RunState) -> tuple[Event, ...]:
        """Reserve what a state needs of the day's cap, and return the events to record.

        A journal that takes no reservation takes no records either: the run breaks off.
        """
        try:
            return await self.reservation.enlarge(state)
        except JournalError as error:
            self.recorder.break_off(error)
            return ()

    async def _attempted(self, call: Call) -> Event:
        arrived = await self._attempt(call)
        state, clock = self.live.state, self.live.clock
        event = await event_of_reply(
            partial(conclude, state, call, arrived, now=clock.now()), arrived
        )
        if isinstance(event, AttemptFailed):
            wait = max(0.0, event.not_before - clock.now())
            text = f"a call was not answered; next try in {wait:.0f} s"
            self.live.tell(Notice(text, cause=event.failure.text))
        else:
            self._fitted.pop(call_key(call.intent), None)
        return event

    async def _attempt(self, call: Call) -> Reply | NoReply:
        """Make one attempt under its deadline, and turn every ending into a value."""
        state, clock = self.live.state, self.live.clock
        name, spec = call_key(call.intent), spec_of(state, call)
        attempt = Attempt(self.live, self.pool, name, spec, call.request, self._fitted)
        # Otherwise the call was decided before the stop, while its records were being written.
        by_stop = True
        if not is_cut_off(state, call):
            deadline = clock.loop_time(deadline_of(state, call))
            with self.blocks.bounded(deadline, gets_grace=lambda: attempt.may_be_billed) as block:
                if call.attempt > 1:
                    await anyio.sleep_until(clock.loop_time(call.not_before))
                return await attempt.make()
            by_stop = block.ends_by_stop
        self.cut_off += self.is_cut_off and attempt.may_be_billed
        return attempt.aborted(by_stop=by_stop)
