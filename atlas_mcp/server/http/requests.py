"""Requests over HTTP, each taken in whole before anything else sees it.

A body that is no message of the protocol is refused as over stdio, with the request's id.
`server.http.bodies` bounds how much of them is held, and for how long.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mcp_types import INVALID_REQUEST, JSONRPCNotification, JSONRPCRequest

from atlas_mcp.loop_turns import LoopTurns, rush
from atlas_mcp.off_loop import off_loop
from atlas_mcp.server.http.bodies import Bodies, Unread
from atlas_mcp.server.messages import MARK, QUICK_BYTES, SMALL_BYTES, RefusedMessage, read_message

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGE_PAUSE_SECONDS = 0.02
"""Seconds between two large requests that are handed on. The SDK reads each in one go, the largest
for 60 ms; measured 2026-11 with fifty at once, others waited for a second without it."""

RETRY_SECONDS = 5
"""Seconds after which to send a request again for which there was no room."""


class WholeRequests:
    """Hands an application requests whose body is there, and refuses the others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._bodies = Bodies()
        self._large = LoopTurns(LARGE_PAUSE_SECONDS)
        self._calls = LoopTurns()

    def turn_away(self) -> None:
        """Refuse every request that is not there as a whole yet, and each that is still to come."""
        self._bodies.turn_away()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {name.lower(): value for name, value in scope.get("headers", ())}
        posts = scope["type"] == "http" and scope["method"] == "POST"
        if not posts and not _has_body(headers):
            await self._app(scope, receive, send)
            return
        body = await self._bodies.take_in(headers, receive)
        if isinstance(body, Unread):
            text = f"the request was not served: {body.rule}"
            refusal = RefusedMessage(INVALID_REQUEST, text)
            await _refuse(body.status, refusal, send, cuts=body.cuts)
            return
        content = bytes(body.content)
        try:
            if posts:
                look = partial(_look, headers.get(b"content-type", b""), content)
                seen = look() if len(content) <= QUICK_BYTES else await off_loop("bodies", look)
                if isinstance(seen, RefusedMessage):
                    await _refuse(400, seen, send)
                    return
                if seen == "tools/call":
                    # A thousand that come together get their answers one after the other, not all
                    # of them at the end; a ping passes them by.
                    with rush().one_more():
                        await self._calls.next()
            if len(content) > SMALL_BYTES:
                await self._large.next()
            sent: list[Message] = [{"type": "http.request", "body": content.removeprefix(MARK)}]

            async def hear() -> Message:
                return sent.pop() if sent else await receive()

            await self._app(_with_length(scope, content), hear, body.released_by(send))
        finally:
            body.release()


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request says that it has a body, as it may whatever its method."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _look(content_type: bytes, content: bytes) -> RefusedMessage | str | None:
    """Return the method of a message, or why it is none; `None` for no JSON, and for a response."""
    if not content_type.lower().startswith(b"application/json"):
        return None
    message = read_message(content)
    if isinstance(message, list):
        alone = len(message) == 1
        return message[0] if alone else RefusedMessage(message[0].code, message[0].message)
    return message.method if isinstance(message, JSONRPCRequest | JSONRPCNotification) else None


def _with_length(scope: Scope, body: bytes) -> Scope:
    """Return the scope of a request whose byte order mark has been taken off."""
    if not body.startswith(MARK):
        return scope
    length = str(len(body) - len(MARK)).encode()
    kept = [each for each in scope["headers"] if each[0].lower() != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", length)]}


async def _refuse(status: int, refusal: RefusedMessage, send: Send, *, cuts: bool = False) -> None:
    body = refusal.as_json()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if cuts:
        headers.append((b"connection", b"close"))
    if status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
