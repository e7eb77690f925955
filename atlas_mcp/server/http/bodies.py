"""The bodies of requests: how large, how slow and how many at once.

Owns the bounds on what clients send over HTTP before anything reads it. A body is taken in whole,
so that one that never ends takes up nothing but its own bytes, for a time that is bounded too, and
none once the server ends. Small ones get through while large ones wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from atlas_mcp.loop_turns import LoopTurns
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES, SMALL_BYTES

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send

MAX_BUFFERED_BYTES = 8 * MAX_MESSAGE_BYTES
"""Bytes of all bodies that are held. Our own choice: eight of the largest."""

MAX_LARGE_BYTES = 6 * MAX_MESSAGE_BYTES
"""Bytes of those that can be taken up by large bodies; the rest is kept for small ones."""

GRACE_SECONDS = 15.0
"""Seconds in which any body may arrive."""

SLOWEST_BYTES_PER_SECOND = 100_000
"""How fast a body must arrive that takes longer. Our own choice: a slow uplink of a telephone."""


MANY_PARTS = 128
"""Parts of a body from which on they must not be tiny."""

SMALL_PART_BYTES = 256
"""Bytes that a part must have on average. Our own choice: what comes over a network at once has
five times as many. Each costs about as much as a small request."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a body was not taken in to its end.

    Attributes:
        status: That of the answer.
        rule: The words.
        cuts: Whether its connection is closed. Others are read to their end, and dropped: a sender
            that is still sending does not hear an answer over a connection that is cut.
    """

    status: int
    rule: str
    cuts: bool = False


TOO_LONG = Unread(413, f"it is longer than {MAX_MESSAGE_BYTES:,} bytes; send less")
PACKED = Unread(415, "its body is packed; send it as it is")
TOO_MANY = Unread(503, "too many large requests are arriving; send it again later")
CRUMBS = Unread(400, "its body comes in too many tiny pieces; send larger ones", cuts=True)
ENDING = Unread(503, "the server is ending; send it again later")
GONE = Unread(400, "its client has gone")


class Bodies:
    """The bodies of all requests, taken in within bounds that they share.

    Attributes:
        turns: The turns that large ones take with their parts.
    """

    def __init__(self) -> None:
        self._buffered = 0
        self._ending = False
        self._arriving: set[anyio.CancelScope] = set()
        self.turns = LoopTurns()

    def turn_away(self) -> None:
        """Refuse every body that is not there as a whole yet, and each that is still to come."""
        self._ending = True
        for scope in self._arriving:
            scope.cancel("the server ends")

    async def take_in(self, headers: Mapping[bytes, bytes], receive: Receive) -> Body | Unread:
        """Return a body that has arrived as a whole, or why it was not taken in.

        Args:
            headers: Those of its request, names in lower case.
            receive: Gives its parts.
        """
        if self._ending:
            return ENDING
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > MAX_MESSAGE_BYTES:
            return TOO_LONG
        if headers.get(b"content-encoding", b"").strip().lower() not in {b"", b"identity"}:
            return PACKED
        body = Body(self)
        with anyio.CancelScope() as scope:
            self._arriving.add(scope)
            try:
                wrong = await body.arrive(receive)
                if wrong is None:
                    return body
                return wrong
            finally:
                self._arriving.discard(scope)
                if not body.whole:
                    body.release()
        return ENDING

    def has_room(self, size: int, more: int) -> bool:
        """Return whether there is room for some more bytes of a body of which `size` are there."""
        most = MAX_BUFFERED_BYTES if size + more <= SMALL_BYTES else MAX_LARGE_BYTES
        return self._buffered + more <= most

    def count(self, size: int) -> None:
        """Count bytes that are taken in; fewer than none for those that are not held any more."""
        self._buffered += size


class Body:
    """One body, as far as it has come.

    Attributes:
        content: Its bytes.
        whole: Whether that is all of it.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.content: bytearray = bytearray()
        self.whole = False
        self._bodies = bodies
        self._counted = 0

    async def arrive(self, receive: Receive) -> Unread | None:
        """Take in all of it; return why not, or `None`."""
        began = anyio.current_time()
        parts = 0
        while not self.whole:
            allowed = max(GRACE_SECONDS, len(self.content) / SLOWEST_BYTES_PER_SECOND)
            message = await _next(receive, began + allowed)
            if message is None:
                rule = f"it did not arrive within {math.ceil(allowed)} s; send it again"
                return Unread(408, rule, cuts=True)
            if message["type"] != "http.request":
                return GONE
            part: bytes = message.get("body", b"")
            if len(self.content) + len(part) > MAX_MESSAGE_BYTES:
                return TOO_LONG
            if len(self.content) > SMALL_BYTES:
                # One part of them all in each turn of the loop, however many arrive.
                await self._bodies.turns.next()
            if not self._bodies.has_room(len(self.content), len(part)):
                return TOO_MANY
            self.content += part
            self._counted += len(part)
            self._bodies.count(len(part))
            self.whole = not message.get("more_body", False)
            parts += 1
            if parts > MANY_PARTS and len(self.content) < parts * SMALL_PART_BYTES:
                return CRUMBS
        return None

    def released_by(self, send: Send) -> Send:
        """Return a `send` that counts the body no more once there is an answer."""

        async def sent(message: Message) -> None:
            self.release()
            await send(message)

        return sent

    def release(self) -> None:
        """Count the body no more. Does nothing the second time."""
        self._bodies.count(-self._counted)
        self._counted = 0


async def _next(receive: Receive, deadline: float) -> Message | None:
    # Asked as well: what is always there at once is never cancelled.
    if anyio.current_time() < deadline:
        with anyio.move_on_at(deadline):
            return await receive()
    return None
