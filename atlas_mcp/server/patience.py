"""How long clients were seen to wait, by the names they give, and so when they are answered.

A client that cancels two calls after the same time has a time-out, and cancels the next one too. It
is answered just before that, with the id of the run, and can wait on with `get_run`. A person who
stops a call teaches nothing: nobody is impatient twice after the same time. What was learned is
kept in the home, since some clients start a server for each call.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from atlas_mcp.closing import last_act
from atlas_mcp.errors import AtlasError, JournalError
from atlas_mcp.server.clients import ARRIVED, client_name, hung_up_at

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import Context

    from atlas_mcp.runs.service import RunService

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

LEAST_SECONDS = 4.0
"""Seconds before which no client is answered because of its patience. Calls that were cancelled
sooner teach nothing: few runs have their first candidate by then."""

ALIKE_SECONDS = 0.5
"""Seconds by which two equal time-outs may seem to differ, as either end was busy."""

ALIKE_SHARE = 0.02
"""The same for long ones, as a share of their time."""

NEWEST = 4
"""Cancelled calls of a client that count, the newest. With more, two would be alike by chance; with
fewer, a person who stops a call now and then would hide the time-out."""

MARGIN_SECONDS = 0.6
"""Seconds before the time-out at which the client is answered, for recording that the run is
promised, and the way of the answer on a busy machine."""

MARGIN_SHARE = 0.08
"""The same for long ones, as a share of their time."""

KEPT_SECONDS = 30 * 86_400.0
"""Seconds for which a cancelled call counts. A client that is answered early is not seen to wait
longer, if by now it does: so it is waited with again after a month."""

ONE_GESTURE_SECONDS = 1.0
"""Seconds within which cancelled calls of a client count as one: its user has stopped them all."""

FRESH_SECONDS = 5.0
"""Seconds for which what the home knows of a client is not read again."""

MOST_KNOWN = 100
"""Clients whose patience is held in memory."""

MOST_NOTED = 8
"""Cancelled calls of a client with which the next is compared, whether both were one gesture."""

NOTE_SECONDS = 1.0
"""Seconds for recording that a call was cancelled."""


@dataclass(slots=True)
class _Call:
    """A tool call: when it arrived and when it was cut off, on the clock of the event loop."""

    arrived_at: float
    cut_at: float | None = None


_under_way: ContextVar[_Call] = ContextVar("the_tool_call_under_way")


def cut_now() -> None:
    """Note when the work for the call under way is cut off; only the first time counts.

    Called before the run is stopped, which may take longer than time-outs differ.
    """
    call = _under_way.get(None)
    if call is not None and call.cut_at is None:
        call.cut_at = anyio.current_time()


def learned_patience(cuts: Sequence[float], *, least: float = LEAST_SECONDS) -> float | None:
    """Return the seconds within which a client is answered, `None` if it is to be waited with.

    Where several times repeat themselves, as of two programs by one name, the shortest counts.

    Args:
        cuts: The seconds after which it cancelled calls, the newest first.
        least: The shortest time that may be learned.
    """
    newest = [seconds for seconds in cuts if seconds > least][:NEWEST]
    alike = [
        min(pair)
        for pair in combinations(newest, 2)
        if max(pair) - min(pair) <= max(ALIKE_SECONDS, ALIKE_SHARE * min(pair))
    ]
    if not alike:
        return None
    time_out = min(alike)
    return max(least, time_out - max(MARGIN_SECONDS, MARGIN_SHARE * time_out))


class ClientPatience:
    """Notes after what time clients cancel calls, and says when to answer them."""

    def __init__(
        self,
        service: Callable[[], Awaitable[RunService]],
        client_gone: anyio.Event,
        *,
        least: float = LEAST_SECONDS,
    ) -> None:
        """Know nothing yet.

        Args:
            service: Returns the service that keeps what is learned.
            client_gone: Set once the only client has gone: what is cut off then is no sign.
            least: The shortest time that is learned, seconds.
        """
        self._service = service
        self._client_gone = client_gone
        self._least = least
        # When calls were cut off, of each client, on the clock of the event loop; the newest few.
        self._noted: dict[str, deque[float]] = {}
        self._known: dict[str, tuple[float, float | None]] = {}

    async def notice(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Note when a call arrived, and after what time its client cancelled it, if it does."""
        if ctx.method != "tools/call":
            return await call_next(ctx)
        with _call_under_way(_Call(_arrival(ctx))) as call:
            try:
                result = await call_next(ctx)
            except anyio.get_cancelled_exc_class():
                cut_now()
                cut_at = call.cut_at if _is_cancelled(ctx) else hung_up_at(ctx.request)
                if cut_at is not None:
                    with last_act("noting that a call was cancelled", NOTE_SECONDS):
                        await self._note(ctx, cut_at, cut_at - call.arrived_at)
                raise
        hung_up = hung_up_at(ctx.request)
        if hung_up is not None:
            await self._note(ctx, hung_up, hung_up - call.arrived_at)
        return result

    async def deadline(self, service: RunService, ctx: Context[Any, Any], wait_s: float) -> float:
        """Return the time of the event loop at which a call is to be answered.

        It counts from the call's arrival, as the client's own clock does. A wait that the caller
        asks for is no longer than the client's patience either: a model does not know its client.

        Args:
            service: Knows what was learned in this home.
            ctx: The request.
            wait_s: Seconds that it would be waited otherwise.
        """
        learned = await self.learned(service, ctx)
        wait = wait_s if learned is None else min(wait_s, learned)
        call = _under_way.get(None)
        return wait + (anyio.current_time() if call is None else call.arrived_at)

    async def learned(self, service: RunService, ctx: Context[Any, Any]) -> float | None:
        """Return the seconds within which the client of a request is to be answered, if any."""
        name = _key(client_name(ctx))
        if not name:
            return None
        read_at, seconds = self._known.get(name, (-FRESH_SECONDS, None))
        now = anyio.current_time()
        if now - read_at < FRESH_SECONDS:
            return seconds
        try:
            cuts = await service.patience.cuts(name, since=time.time() - KEPT_SECONDS)
        except JournalError as error:
            logger.info("how long client %r waits cannot be read: %s", name, error)
            return seconds
        seconds = learned_patience(cuts, least=self._least)
        _put(self._known, name, (now, seconds))
        return seconds

    async def _note(
        self, ctx: ServerRequestContext[Any, Any], cut_at: float, seconds: float
    ) -> None:
        """Record that a client cancelled a call after so many seconds, where that can teach.

        Args:
            ctx: The request.
            cut_at: When that was. It may be recorded long after, once the run has ended.
            seconds: For how long the call had been under way.
        """
        params = ctx.session.client_params
        name = _key(None if params is None else params.client_info.name)
        if not name or seconds <= self._least or self._client_gone.is_set():
            return
        noted = self._noted.pop(name, deque[float](maxlen=MOST_NOTED))
        _put(self._noted, name, noted)
        if any(abs(cut_at - at) < ONE_GESTURE_SECONDS for at in noted):
            return
        noted.append(cut_at)
        self._known.pop(name, None)
        logger.info("client %r cancelled a call after %.1f s", name, seconds)
        try:
            service = await self._service()
            await service.patience.note_cut(name, seconds)
        except AtlasError as error:
            # It may be the end of the server; the next cancelled call is noted.
            logger.info("how long client %r waits is not kept: %s", name, error)


def _put(known: dict[str, _T], name: str, value: _T) -> None:
    """Put what is known of a client behind the others, of which the oldest is dropped."""
    known.pop(name, None)
    known[name] = value
    while len(known) > MOST_KNOWN:
        del known[next(iter(known))]


@contextmanager
def _call_under_way(call: _Call) -> Generator[_Call]:
    token = _under_way.set(call)
    try:
        yield call
    finally:
        _under_way.reset(token)


def _arrival(ctx: ServerRequestContext[Any, Any]) -> float:
    """Return when a request arrived, on the clock of the event loop."""
    now = anyio.current_time()
    return now if ctx.request is None else ctx.request.scope.get(ARRIVED, now)


def _is_cancelled(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Return whether the client itself has cancelled its request.

    One is cut off as well when its client hangs up, and when its session or the server ends.
    """
    channel = ctx.session._request_outbound  # pyright: ignore[reportPrivateUsage]
    return channel.cancel_requested.is_set()


def _key(name: str | None) -> str:
    return " ".join((name or "").lower().split())[:100]
