"""Clients that hang up in the middle of a request, and the server that hangs up at its end.

In the stateless era the SDK cancels a request whose client hangs up. With sessions it lets the
request run on, so the hang-up is noticed here and set in the scope of the request.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import anyio

from atlas_mcp.server.clients import ARRIVED, GONE, HangUp
from atlas_mcp.server.http.requests import WholeRequests

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)


class HangUps:
    """Sets an event in a request's scope once its client has hung up, and hangs up itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = WholeRequests(app)
        self._closed = False
        self._listening: set[anyio.CancelScope] = set()
        self._unanswered = 0
        self._all_answered = anyio.Event()

    async def answered(self) -> None:
        """Return once every request has its answer; streams that a client listens on have none."""
        while self._unanswered:
            await self._all_answered.wait()

    def turn_away(self) -> None:
        """Serve nothing but the requests that are here as a whole."""
        self._app.turn_away()

    def hang_up(self) -> None:
        """End every open stream, and each that is still to come, as if its client had gone."""
        self._closed = True
        self.turn_away()
        for scope in self._listening:
            scope.cancel("the server hangs up")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._closed:
            await _finish((), send)
            return
        scope[ARRIVED] = anyio.current_time()
        gone = scope[GONE] = HangUp()
        sent: list[Message] = []

        async def hear() -> Message:
            message: Message = {"type": "http.disconnect"}
            with self._listen():
                message = await receive()
            if message["type"] == "http.disconnect":
                if not self._closed and gone.at is None:
                    gone.at = anyio.current_time()
                gone.event.set()
            return message

        async def say(message: Message) -> None:
            sent[:] = [message]
            await send(message)

        with self._count(scope["method"]):
            try:
                await self._app(scope, hear, say)
            except Exception:
                # A client that went in the middle is no bug.
                if not gone.event.is_set():
                    logger.exception("a request failed")
                await _finish(sent, send, status=500)
                return
            if self._closed:
                await _finish(sent, send)

    @contextlib.contextmanager
    def _count(self, method: str) -> Generator[None]:
        """Count a request as unanswered while the block runs."""
        self._unanswered += method == "POST"
        try:
            yield
        finally:
            self._unanswered -= method == "POST"
            if not self._unanswered:
                bell, self._all_answered = self._all_answered, anyio.Event()
                bell.set()

    @contextlib.contextmanager
    def _listen(self) -> Generator[None]:
        """Keep a block of listening to a client open until the server hangs up."""
        with anyio.CancelScope() as scope:
            self._listening.add(scope)
            if self._closed:
                scope.cancel("the server hangs up")
            try:
                yield
            finally:
                self._listening.discard(scope)


async def _finish(sent: Sequence[Message], send: Send, *, status: int = 503) -> None:
    """Complete a response that was left when the server hung up, or failed."""
    if not sent:
        await send({"type": "http.response.start", "status": status, "headers": []})
    elif sent[-1]["type"] == "http.response.body" and not sent[-1].get("more_body"):
        return
    await send({"type": "http.response.body"})
