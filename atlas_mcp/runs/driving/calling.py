"""Attempts of calls: ask the model under a deadline, and make an event of every ending.

Owns the boundary at which a model's errors, and bugs, become a `NoReply`. `atlas.calls` decides on
another attempt, and on the cost that this one may have beyond its counts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

import anyio

from atlas_mcp.atlas.calls import Cause, NoReply, conclude, spec_of
from atlas_mcp.atlas.commands import Call
from atlas_mcp.atlas.deadlines import deadline_of
from atlas_mcp.atlas.events import AttemptFailed, Event
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_facts import call_key
from atlas_mcp.atlas.usage import NO_CHARGE, Charge
from atlas_mcp.errors import AtlasError, ModelDown, ModelError, ModelUnavailable
from atlas_mcp.models.base import Notice
from atlas_mcp.models.pictures.fitting import with_fitted_pictures
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving.open_blocks import OpenBlocks
from atlas_mcp.runs.driving.reading import put_down
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
        has_left: Whether the request has reached its endpoint, and may be billed.
        counted: The vendor's counts so far.
    """

    live: LiveRun
    pool: Pool
    name: str
    spec: ModelSpec
    request: ModelRequest
    fitted: dict[str, ModelRequest]
    has_left: bool = False
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
            self.live.tokens.pop(self.name, None)

    def aborted(self) -> NoReply:
        """Return the end of an attempt that was broken off from here."""
        return self._broken_off("aborted", "")

    def _broken_off(self, cause: Cause, message: str) -> NoReply:
        return NoReply(cause, message, charge=self.counted, complete=not self.has_left)

    def _on_tokens(self, count: int) -> None:
        self.live.tokens[self.name] = count

    def _on_usage(self, charge: Charge) -> None:
        self.has_left, self.counted = True, charge


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
    )


@dataclass(slots=True)
class Caller:
    """Makes the attempts of one run.

    Attributes:
        live: The run.
        pool: Gives its models.
        blocks: Bound the attempts, and end them when the run is to stop.
        is_cut_off: Whether the journal takes no more replies.
        cut_off: Calls under way at their endpoints whose replies were given up because of that.
    """

    live: LiveRun
    pool: Pool
    blocks: OpenBlocks
    is_cut_off: bool = False
    cut_off: int = 0
    _fitted: dict[str, ModelRequest] = field(init=False, default_factory=dict[str, ModelRequest])

    async def attempted(self, call: Call) -> Event:
        """Make one attempt of a call, and return the event to record."""
        arrived = await self._attempt(call)
        state, clock = self.live.state, self.live.clock
        event = await put_down(partial(conclude, state, call, arrived, now=clock.now()), arrived)
        if isinstance(event, AttemptFailed):
            wait = max(0.0, event.not_before - clock.now())
            text = f"a call was not answered; next try in {wait:.0f} s"
            self.live.tell(Notice(text, cause=event.failure.message))
        else:
            self._fitted.pop(call_key(call.intent), None)
        return event

    async def _attempt(self, call: Call) -> Reply | NoReply:
        """Make one attempt under its deadline, and turn every ending into a value."""
        state, clock = self.live.state, self.live.clock
        name, spec = call_key(call.intent), spec_of(state, call)
        attempt = Attempt(self.live, self.pool, name, spec, call.request, self._fitted)
        # Otherwise the call was decided before the stop, while its records were being written.
        if state.stop_cause is None:
            deadline = clock.loop_time(deadline_of(state, call))
            with self.blocks.bounded(deadline, has_left=lambda: attempt.has_left):
                await anyio.sleep_until(clock.loop_time(call.not_before))
                return await attempt.make()
        self.cut_off += self.is_cut_off and attempt.has_left
        return attempt.aborted()
