"""Requests over HTTP, each read whole and within bounds before anything else sees it.

A body that is half sent holds memory, a connection, and the end of the server for as long as its
sender likes. Here it has so many bytes and so many seconds, and none once the server ends. What is
no message of the protocol is refused as over stdio, with the request's id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anyio
from mcp_types import INVALID_REQUEST

from atlas_mcp.server.messages import MARK, MAX_MESSAGE_BYTES, Refusal, read_message

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAUSE_SECONDS = 10.0
"""Longest pause of a sender within a body."""

BODY_SECONDS = 120.0
"""Seconds for a whole body: the longest, from a sender of 300 kB a second."""

HELD_BYTES = 8 * MAX_MESSAGE_BYTES
"""Bytes of all bodies that are being read, beyond which no long one is begun."""

SHORT_BYTES = 1_000_000
"""Bytes of a body that is read however much is being read."""


class _Unread(NamedTuple):
    """Why a body was not read to its end."""

    status: int
    rule: str


LATE = _Unread(408, "its body took too long")
TOO_LONG = _Unread(413, f"it is longer than the {MAX_MESSAGE_BYTES:,} bytes that are read")
TOO_MANY = _Unread(503, "too many long requests come in at once; ask again later")
ENDING = _Unread(503, "the server is ending; ask again later")
GONE = _Unread(400, "its client has gone")


class WholeRequests:
    """Hands an application requests whose body is there, and refuses the others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ending = False
        self._held = 0
        self._reading: set[anyio.CancelScope] = set()

    def turn_away(self) -> None:
        """Refuse every request that is not there as a whole yet, and each that is still to come."""
        self._ending = True
        for scope in self._reading:
            scope.cancel("the server ends")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        body = await self._read(headers.get(b"content-length", b""), receive)
        if isinstance(body, _Unread):
            refusal = Refusal(INVALID_REQUEST, f"the request was not served: {body.rule}")
            await _refuse(body.status, refusal, send)
            return
        if headers.get(b"content-type", b"").lower().startswith(b"application/json"):
            message = read_message(body)
            if isinstance(message, list):
                await _refuse(400, message[0] if len(message) == 1 else _without_id(message), send)
                return
        sent: list[Message] = [{"type": "http.request", "body": body.removeprefix(MARK)}]

        async def hear() -> Message:
            return sent.pop() if sent else await receive()

        await self._app(_with_length(scope, body), hear, send)

    async def _read(self, declared: bytes, receive: Receive) -> bytes | _Unread:
        """Return a whole body, or why there is none."""
        if self._ending:
            return ENDING
        expected = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        with anyio.move_on_after(BODY_SECONDS) as scope:
            self._reading.add(scope)
            try:
                return await self._receive(expected, receive)
            finally:
                self._reading.discard(scope)
        return ENDING if self._ending else LATE

    async def _receive(self, expected: int, receive: Receive) -> bytes | _Unread:
        body = bytearray()
        try:
            while True:
                if max(len(body), expected) > MAX_MESSAGE_BYTES:
                    return TOO_LONG
                if max(len(body), expected) > SHORT_BYTES and self._held > HELD_BYTES:
                    return TOO_MANY
                with anyio.move_on_after(PAUSE_SECONDS):
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return GONE
                    part = message.get("body", b"")
                    body += part
                    self._held += len(part)
                    if message.get("more_body"):
                        continue
                    return bytes(body) if len(body) <= MAX_MESSAGE_BYTES else TOO_LONG
                return LATE
        finally:
            self._held -= len(body)


def _without_id(refusals: list[Refusal]) -> Refusal:
    return Refusal(refusals[0].code, refusals[0].message)


def _with_length(scope: Scope, body: bytes) -> Scope:
    """Return the scope of a request whose byte order mark has been taken off."""
    if not body.startswith(MARK):
        return scope
    length = str(len(body) - len(MARK)).encode()
    kept = [each for each in scope["headers"] if each[0].lower() != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", length)]}


async def _refuse(status: int, refusal: Refusal, send: Send) -> None:
    body = refusal.as_json()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == LATE.status:
        # A sender that is still sending would not hear the answer over a connection that is cut.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
