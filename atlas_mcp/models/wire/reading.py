"""Reading the body of an answer, for the adapters of all APIs.

Owns the loop that every adapter reads with: the kind of a body is recognised by its first bytes,
not by its declared type; large events are read off the event loop; and a whole reply is not delayed
or lost by anything that comes after it.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import anyio

from atlas_mcp.errors import ModelError
from atlas_mcp.models.wire.event_lines import (
    LONGEST_FIELD,
    EventLines,
    EventTooLong,
    Kind,
    kind_of,
    trimmed,
)
from atlas_mcp.models.wire.json_events import LARGE_BYTES, Event, event_of, read_event
from atlas_mcp.models.wire.refusals import BEGINNING_SECONDS, LONGEST_BODY
from atlas_mcp.off_loop import surely_off_loop

DRAIN_TIMEOUT = 1.0
"""Seconds to wait for the end of the body after the last event, or once the reply is whole and
counted, so that the connection can be used again. Our own choice: cheaper than a new handshake,
and never waited in practice."""

LAST_WORDS_TIMEOUT = 10.0
"""Seconds in which a stream may still bring its counts once the reply is whole. Our own choice:
they come at once, or never."""


class ReplyReader(Protocol):
    """Makes a reply from the events of a body.

    Attributes:
        size_bytes: Bytes of the body that have been read.
    """

    size_bytes: int

    @property
    def complete(self) -> bool:
        """Whether the reply is whole; its counts may still follow."""
        ...

    @property
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""
        ...

    @property
    def over(self) -> bool:
        """Whether the rest of the body can be ignored."""
        ...

    def take(self, event: Event) -> None:
        """Take in one event of a stream."""
        ...

    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece."""
        ...


async def read_body(
    chunks: AsyncIterator[bytes], reader: ReplyReader, *, declared: str | None
) -> str | None:
    """Read an answer to its end, or to where it is cancelled.

    A reply that has arrived whole by then is kept: the call returns as if the body ended there.

    Args:
        chunks: The bytes of the answer's body.
        reader: Takes in the events of the body.
        declared: The content type of the answer.

    Returns:
        The beginning of a body that is neither a stream nor JSON; `None` for any other body.
    """
    body = _Body(reader, streamed="text/event-stream" in (declared or ""))
    try:
        return await _read(chunks, body, reader)
    except anyio.get_cancelled_exc_class():
        # The error of an answer that is no reply is not raised: the cancel is.
        with contextlib.suppress(ModelError):
            await _hurry(chunks, body)
        # A whole reply has been paid for; if it were dropped here, the call would be made again.
        if not reader.complete:
            raise
        return None


async def _hurry(chunks: AsyncIterator[bytes], body: _Body) -> None:
    """Take in the part of a cancelled call's answer that has already arrived."""
    import httpx2

    body.hurried = True
    # The iterator is cancelled where it would wait, so no generator is left half run.
    with (
        contextlib.suppress(httpx2.TransportError, httpx2.DecodingError),
        anyio.CancelScope(shield=True) as scope,
    ):
        scope.cancel()
        async for chunk in chunks:
            await body.take(chunk)
    await body.end_early()


async def _read(chunks: AsyncIterator[bytes], body: _Body, reader: ReplyReader) -> str | None:
    import httpx2

    from atlas_mcp.models.wire.bounded import TooMuch

    with anyio.CancelScope() as scope:
        try:
            async for chunk in chunks:
                await body.take(chunk)
                # Read on to the end, within bounds: then the connection can be used again, and no
                # generator is left half run, about which trio would complain.
                if wait := body.wait:
                    # Never extend the deadline: an endpoint may send keep-alive lines for ever.
                    scope.deadline = min(scope.deadline, anyio.current_time() + wait)
        except (httpx2.TransportError, httpx2.DecodingError):
            # A whole reply is kept though its connection broke.
            await body.end_early()
            if not (reader.over or reader.complete):
                raise
            return None
    found = await body.end()
    if body.failure is not None and not reader.complete:
        raise TooMuch(str(body.failure))
    return found


class _Body:
    """The body of an answer as far as it has come.

    Attributes:
        failure: Why the rest of the body is not read; `None` while it is.
        hurried: Whether the body is read although the call is cancelled.
    """

    def __init__(self, reader: ReplyReader, *, streamed: bool) -> None:
        self.failure: Exception | None = None
        self.hurried = False
        self._reader = reader
        self._streamed = streamed
        self._kind: Kind | None = None
        self._beginning = bytearray()
        self._lines = EventLines()
        self._pending = deque[bytes]()

    @property
    def wait(self) -> float | None:
        """Seconds to wait for the rest of the body, `None` for as long as it takes."""
        if self._kind == "other":
            return BEGINNING_SECONDS
        reader = self._reader
        if self.failure is not None or reader.over or (reader.complete and reader.counted):
            return DRAIN_TIMEOUT
        return LAST_WORDS_TIMEOUT if reader.complete else None

    async def take(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        self._reader.size_bytes += len(chunk)
        if self._kind == "stream":
            await self._feed(chunk)
        elif self._kind == "other":
            self._beginning += chunk[: max(0, LONGEST_BODY - len(self._beginning))]
        elif self._kind == "json":
            self._beginning += chunk
        else:
            self._beginning = bytearray(trimmed(bytes(self._beginning) + chunk))
            self._kind = kind_of(bytes(self._beginning[:LONGEST_FIELD]))
            if self._kind == "other" and self._streamed:
                self._kind = "stream"
            if self._kind == "stream":
                await self._feed(bytes(self._beginning))

    async def end_early(self) -> None:
        """Take in the whole events of a body that broke off or was cancelled."""
        if self._kind == "json":
            event = await self._event(bytes(self._beginning).strip())
            if event.fault is None:
                self._reader.take_whole(event)
        elif self._kind == "stream":
            await self._feed(b"")
            # Only the empty line behind the last event may be missing.
            await self._feed(b"\n\n", broken=True)

    async def end(self) -> str | None:
        """Take in the rest of the body; see `read_body` for the returned text."""
        if self._kind == "json":
            self._reader.take_whole(await self._event(bytes(self._beginning).strip()))
        elif self._kind == "stream":
            await self._feed(b"\n\n")
        elif not self._streamed:
            return self._beginning.decode(errors="replace")
        return None

    async def _feed(self, chunk: bytes, *, broken: bool = False) -> None:
        """Take in a piece of a stream.

        Args:
            chunk: The piece.
            broken: Whether the connection broke before the piece, so that its event may be cut.
        """
        if self.failure is not None:
            return
        pending = self._pending
        try:
            pending += self._lines.feed(chunk)
        except EventTooLong as error:
            # Raised once the body has come to its end, so that no generator is left half run.
            self.failure = error
            return
        while pending and not self._reader.over:
            # The event stays in line until it has been read, as the reading may be cancelled.
            event = await self._event(pending[0])
            pending.popleft()
            if not (broken and (event.what == "error" or event.fault is not None)):
                self._reader.take(event)

    async def _event(self, data: bytes) -> Event:
        if len(data) < LARGE_BYTES:
            return read_event(data)
        if self.hurried:
            return await surely_off_loop("events", lambda: read_event(data))
        return await event_of(data)
