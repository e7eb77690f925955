"""The bodies of requests: how large, how slow and how many at once.

Owns the bounds on what clients send before anything reads it. A body is taken in whole and handed
on when it is complete, so that one that never ends takes up nothing but its own bytes, for a time
that is bounded too. Small ones get through while large ones wait.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from atlas_mcp.models.off_loop import give_back_memory, off_loop

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 32_000_000
"""Bytes of one request: the largest pictures a problem may have, in base64, beside the longest
text. The SDK takes 4 MB unless it is told otherwise."""

MAX_BUFFERED_BYTES = 256_000_000
"""Bytes of all bodies that are being taken in. Our own choice: eight of the largest."""

MAX_LARGE_BYTES = 192_000_000
"""Bytes of those that can be taken up by large bodies; the rest is kept for small ones."""

SMALL_BYTES = 500_000
"""Longest body that is small: all but those with pictures."""

GRACE_SECONDS = 15.0
"""Seconds in which any body may arrive."""

SLOWEST_BYTES_PER_SECOND = 100_000
"""How fast a body must arrive that takes longer. Our own choice: a slow uplink of a telephone."""

MAX_PARTS = 100_000
"""Values in the JSON of one request. Our own choice: a schema has at most some thousand,
and reading these takes 50 ms."""

PIECE_BYTES = 65_536
"""Bytes that are looked at at once."""

RETRY_SECONDS = 5
"""Seconds after which to send a body again for which there was no room."""


class Bodies:
    """Takes bodies in, within bounds, before an application sees their requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = _refused_by_headers(scope)
        body = _Body(self)
        try:
            refused = refused or await body.take_in(receive)
            if refused is None:
                await self._app(scope, body.replayed(receive), body.released_by(send))
                return
        finally:
            was_large = body.release() > SMALL_BYTES
            if was_large and not self._buffered:
                await give_back_memory()
        await _refuse(send, *refused)

    def has_room(self, size: int, more: int) -> bool:
        """Return whether there is room for some more bytes of a body of which `size` are there."""
        most = MAX_BUFFERED_BYTES if size + more <= SMALL_BYTES else MAX_LARGE_BYTES
        return self._buffered + more <= most

    def count(self, size: int) -> None:
        """Count bytes that are taken in; fewer than none for those that are not held any more."""
        self._buffered += size


class _Body:
    """One body, as far as it has come."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._size = 0
        self._counted = 0
        self._taken: list[Message] = []

    async def take_in(self, receive: Receive) -> tuple[int, str] | None:
        """Take in all of it; return the status and the words of a refusal, or `None`."""
        began = anyio.current_time()
        while True:
            message: Message | None = None
            allowed = max(GRACE_SECONDS, self._size / SLOWEST_BYTES_PER_SECOND)
            with anyio.move_on_at(began + allowed):
                message = await receive()
            if message is None:
                return (
                    408,
                    f"the request did not arrive within {math.ceil(allowed)} s; send it again",
                )
            self._taken.append(message)
            if message["type"] != "http.request":
                return None
            arrived = len(message.get("body", b""))
            if self._size + arrived > MAX_BODY_BYTES:
                return 413, f"the request is longer than {MAX_BODY_BYTES:,} bytes; send less"
            if not self._bodies.has_room(self._size, arrived):
                return 503, "too many large requests are arriving; send it again later"
            self._size += arrived
            self._counted += arrived
            self._bodies.count(arrived)
            if not message.get("more_body", False):
                chunks = [one.get("body", b"") for one in self._taken]
                if self._size <= SMALL_BYTES:
                    return fault_in_body(chunks)
                return await off_loop("bodies", partial(fault_in_body, chunks))

    def replayed(self, receive: Receive) -> Receive:
        """Return what gives the body as it came, and then what comes."""
        self._taken.reverse()

        async def replay() -> Message:
            return self._taken.pop() if self._taken else await receive()

        return replay

    def released_by(self, send: Send) -> Send:
        """Return what sends as `send`, and counts the body no more once there is an answer."""

        async def sent(message: Message) -> None:
            self.release()
            await send(message)

        return sent

    def release(self) -> int:
        """Count the body no more, and return how long it was. The second time counts nothing."""
        self._bodies.count(-self._counted)
        self._counted = 0
        return self._size


def fault_in_body(chunks: Sequence[bytes]) -> tuple[int, str] | None:
    """Return the status and the words with which a body is refused unread; `None` for none.

    A long one must be a call of a tool: nothing else has reason to be long, and what is wrong with
    a message is told with all of it.
    """
    if has_too_many_parts(chunks):
        return 413, f"the request has more than {MAX_PARTS:,} values; send fewer"
    if sum(map(len, chunks)) <= SMALL_BYTES or _is_call(b"".join(chunks)):
        return None
    return 413, f"only calls of tools may be longer than {SMALL_BYTES:,} bytes; send less"


def _is_call(text: bytes) -> bool:
    from pydantic_core import from_json

    try:
        found: Any = from_json(text)
    except ValueError:
        return False
    if not isinstance(found, dict):
        return False
    message = cast("dict[str, Any]", found)
    params: Any = message.pop("params", None)
    if message.get("method") != "tools/call" or not isinstance(params, dict):
        return False
    beside = dict(cast("dict[str, Any]", params))
    given = beside.pop("arguments", None)
    return isinstance(given, dict) and len(repr((message, beside))) <= SMALL_BYTES


def has_too_many_parts(chunks: Iterable[bytes]) -> bool:
    """Return whether a text of JSON has more values than are read.

    What stands in strings is no value. Other threads get their turn between two pieces.
    """
    count, in_string, held = 0, False, b""
    for text in _pieces(chunks):
        text = held + text
        # Backslashes at the end belong to what follows.
        kept = text.rstrip(b"\\")
        held = text[len(kept) :]
        plain = kept.replace(b"\\\\", b"").replace(b'\\"', b"")
        strings = plain.split(b'"')
        for outside in strings[in_string::2]:
            count += outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        in_string ^= len(strings) % 2 == 0
        if count > MAX_PARTS:
            return True
    return False


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return (
        chunk[at : at + PIECE_BYTES] for chunk in chunks for at in range(0, len(chunk), PIECE_BYTES)
    )


def _refused_by_headers(scope: Scope) -> tuple[int, str] | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BODY_BYTES:
            return 413, f"the request is longer than {MAX_BODY_BYTES:,} bytes; send less"
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            return 415, "the request is packed; send it as it is"
    return None


async def _refuse(send: Send, status: int, words: str) -> None:
    """Answer a request that is not read to its end; its connection cannot be used again."""
    body = json.dumps({"error": words}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
