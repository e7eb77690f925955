"""How much an endpoint may send: bytes, unpacked bytes, the length of a line, and for how long.

Owns the hooks that every client of a vendor's library is made with, so that no endpoint can fill
the memory or keep the event loop to itself, whatever it answers to whichever request. Replies are
asked for unpacked; one that comes packed all the same is unpacked here, in small pieces.
"""

from __future__ import annotations

import contextlib
import re
import time
import zlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from functools import partial
from typing import Any, TypeAlias

import anyio
import httpx2
from anyio.lowlevel import RunVar
from typing_extensions import override

from atlas_mcp.models.turns import Turns
from atlas_mcp.models.wire.event_lines import LONGEST_FIELD, Kind, kind_of, trimmed

MAX_STREAM_BYTES = 64_000_000
"""Bytes of a streamed reply, unpacked. Our own choice: 128,000 tokens, each in an event
of 500 bytes."""

MAX_LINE_BYTES = 4_000_000
"""Bytes of one line of it. Our own choice: a whole reply in a single event has a tenth, and reading
it as JSON takes 40 ms."""

MAX_BODY_BYTES = 4_000_000
"""Bytes of any other answer, e.g. a list of models, or a reply in one piece."""

MAX_ERROR_BYTES = 65_536
"""Bytes that are read of an answer with an error status. What comes further is not waited for."""

ERROR_SECONDS = 5.0
"""Seconds in which those must come."""

SLICE_BYTES = 16_384
"""Bytes that are handed on at once. After as many everybody else gets a turn."""

TURN_SECONDS = 0.001
"""Seconds of work on what has come, however small its pieces, after which everybody else gets a
turn. Our own choice: an answer takes some dozen turns, and nobody should notice."""

MOST_HINTS = 100
"""Informational responses (1xx) before an answer. Our own choice: nobody sends more than a few."""

PAUSE_SECONDS = 0.001
"""Seconds of a turn of everybody else. Without them the threads that read and write for the clients
waited for up to 0.8 s, measured 2026-11 with three endpoints that answer in chunks of one byte."""

WAITED_SECONDS = 0.0005
"""Seconds after which what comes was waited for, while everybody else had their turn."""

LEAVE_SECONDS = 0.5
"""Seconds in which what has come already is read once no more is wanted. One that sends faster than
it is read is left in the middle. Our own choice: nobody waits for it, and a cancel does."""

CHUNK_BYTES = 65_536
"""Bytes that are handed on without a turn once a call is cancelled: what the HTTP library reads at
once (httpcore2, `http11.py`). Packed, it may hold a thousand times as many."""

_turns: RunVar[Turns] = RunVar("atlas_mcp.bounded")

LONGEST_CODING = 40
"""Characters of the name of a way to pack that are told."""

Hook: TypeAlias = Callable[[httpx2.Response], Awaitable[None]]
RequestHook: TypeAlias = Callable[[httpx2.Request], Awaitable[None]]


class TooMuch(httpx2.DecodingError):
    """An endpoint sends more than is read; the text says of what."""


def response_hooks() -> list[Hook]:
    """Return what a client must do with each response."""
    return [_bound]


def request_hooks(on_sent: Callable[[], None] = lambda: None) -> list[RequestHook]:
    """Return what a client must do with each request.

    Args:
        on_sent: Told when one is being sent: not to a proxy that is only asked for the way.
    """
    return [_ask_for_unpacked, partial(_watch_request, on_sent)]


async def _ask_for_unpacked(request: httpx2.Request) -> None:
    request.headers["accept-encoding"] = "identity"


async def _watch_request(on_sent: Callable[[], None], request: httpx2.Request) -> None:
    request.extensions["trace"] = partial(_watch, on_sent)


async def _watch(on_sent: Callable[[], None], event: str, info: Mapping[str, Any]) -> None:
    """Put a bound on what comes over a connection before an answer, as soon as it is made."""
    if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
        on_sent()
    if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        stream = info["return_value"]
        hints = _Hints(stream.read, stream.write)
        stream.read, stream.write = hints.read, hints.write


class _Hints:
    """Counts the informational responses before each answer on a connection.

    The HTTP library passes over them, as many as come, and leaves nobody a turn meanwhile.

    Args:
        read: Reads from the connection.
        write: Writes to it.
    """

    _STATUS = re.compile(rb"\nHTTP/1\.[01] ([0-9])")

    def __init__(
        self, read: Callable[..., Awaitable[bytes]], write: Callable[..., Awaitable[None]]
    ) -> None:
        self._read, self._write = read, write
        self._waiting = False
        self._hints = 0
        self._end = b"\n"

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - theirs
        """Write a part of a request, after which an answer is to come."""
        self._waiting, self._hints, self._end = True, 0, b"\n"
        await self._write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - theirs
        """Read some of an answer.

        Raises:
            TooMuch: There are too many before it.
        """
        data = await self._read(max_bytes, timeout)
        if self._waiting:
            text = self._end + data
            found = self._STATUS.findall(text)
            self._hints += found.count(b"1")
            self._waiting = len(found) == found.count(b"1")
            # A status line may be cut anywhere, and none is counted twice.
            self._end = text[-10:]
            if self._hints > MOST_HINTS:
                raise TooMuch(f"more than {MOST_HINTS} informational responses come before it")
        return data


async def _bound(response: httpx2.Response) -> None:
    """Put bounds on what is read of a response."""
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream), "only asynchronous clients have these hooks"
    response.stream = _Bounded(stream, response)
    # It is unpacked here.
    response.headers.pop("content-encoding", None)


def _turns_of_all() -> Turns:
    """Return what all bodies take their turns of: a hundred at once hold up nobody either."""
    try:
        return _turns.get()
    except LookupError:
        found = Turns(PAUSE_SECONDS)
        _turns.set(found)
        return found


class _Bounded(httpx2.AsyncByteStream):
    """The body of a response, read within bounds."""

    def __init__(self, stream: httpx2.AsyncByteStream, response: httpx2.Response) -> None:
        self._stream = stream
        self._packed = response.headers.get("content-encoding", "")
        self._failed = response.is_error
        self._kind: Kind | None = None
        self._beginning = b""
        self._declared = "text/event-stream" in response.headers.get("content-type", "")
        self._size = 0
        self._line = 0

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        unpack = _unpacking(self._packed)
        turns = _turns_of_all()
        handed_on, due, last = 0, 0.0, 0.0
        cancelled: BaseException | None = None
        async with contextlib.aclosing(self._chunks()) as chunks:
            while cancelled is None:
                asked = time.monotonic()
                chunk = await anext(chunks, None)
                if chunk is None:
                    return
                if (now := time.monotonic()) - asked > WAITED_SECONDS:
                    handed_on, due = 0, now + TURN_SECONDS
                for one in unpack(chunk):
                    # The HTTP library leaves nobody a turn before it needs more from the network.
                    if cancelled is None and (handed_on >= SLICE_BYTES or time.monotonic() >= due):
                        try:
                            await turns.next()
                        except anyio.get_cancelled_exc_class() as error:
                            # What is here already is handed on first: it may end a reply.
                            cancelled, last = error, time.monotonic() + LEAVE_SECONDS
                        handed_on, due = 0, time.monotonic() + TURN_SECONDS
                    elif cancelled is not None and time.monotonic() >= last:
                        break
                    elif cancelled is not None and handed_on >= CHUNK_BYTES:
                        with anyio.move_on_after(LEAVE_SECONDS, shield=True):
                            await turns.next()
                        handed_on = 0
                    handed_on += len(one)
                    self._count(one)
                    yield one
                    if self._failed and self._size >= MAX_ERROR_BYTES:
                        return
            raise cancelled

    async def _chunks(self) -> AsyncGenerator[bytes]:
        """Yield what comes; of an error's body what comes in time, as the status says the rest."""
        chunks = aiter(self._stream)
        end = anyio.current_time() + ERROR_SECONDS if self._failed else None
        try:
            while True:
                chunk: bytes | None = None
                if end is None:
                    chunk = await anext(chunks, None)
                else:
                    with anyio.CancelScope(deadline=end):
                        chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk
        finally:
            left_at = anyio.current_time()
            while await _goes_on(chunks) and anyio.current_time() < left_at + LEAVE_SECONDS:
                with anyio.CancelScope(shield=True):
                    await _turns_of_all().next()
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    def _count(self, chunk: bytes) -> None:
        """Count what is handed on.

        Raises:
            TooMuch: It is too much.
        """
        self._size += len(chunk)
        if self._failed:
            return
        if self._kind is None:
            self._beginning = trimmed(self._beginning + chunk)[:LONGEST_FIELD]
            self._kind = kind_of(self._beginning)
        streamed = self._kind == "stream" or (self._declared and self._kind != "json")
        most = MAX_STREAM_BYTES if streamed else MAX_BODY_BYTES
        if self._size > most:
            raise TooMuch(f"it is longer than {most:,} bytes")
        last = chunk.rfind(b"\n")
        self._line = self._line + len(chunk) if last == -1 else len(chunk) - last
        if self._line > MAX_LINE_BYTES:
            raise TooMuch(f"a line of it is longer than {MAX_LINE_BYTES:,} bytes")

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


async def _goes_on(chunks: AsyncIterator[bytes]) -> bool:
    """Read what has come already, for a while; return whether there is more of it.

    Where there is no more, the iterator is ended from within, by a cancel where it waits: a
    generator that is only closed leaves those below it half run, which trio objects to.
    """
    due = time.monotonic() + TURN_SECONDS
    with anyio.CancelScope() as scope:
        scope.cancel()
        while await anext(chunks, None) is not None:
            if time.monotonic() >= due:
                return True
    return False


def _unpacking(packed: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return what gives the contents of a chunk, in slices.

    Raises:
        TooMuch: It is packed in a way that is not read.
    """
    match packed.strip().lower():
        case "" | "identity":
            return _sliced
        case "gzip" | "x-gzip":
            return _Unpacked(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Unpacked(zlib.MAX_WBITS, -zlib.MAX_WBITS)
        case _:
            # Whole or not at all: what is cut cannot be searched for secrets.
            named = f"as {packed!r}" if len(packed) <= LONGEST_CODING else "in an unknown way"
            raise TooMuch(f"it is packed {named}, and was asked for unpacked")


def _sliced(chunk: bytes) -> Iterator[bytes]:
    for at in range(0, len(chunk), SLICE_BYTES):
        yield chunk[at : at + SLICE_BYTES]


class _Unpacked:
    """Unpacks chunks, however much is in them, a slice at a time.

    Args:
        ways: The formats that it may be, in the words of `zlib`; the first one that fits is it.
    """

    def __init__(self, *ways: int) -> None:
        self._ways = list(ways)
        self._unpacking = zlib.decompressobj(self._ways.pop(0))

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                found = self._unpacking.decompress(chunk, SLICE_BYTES)
            except zlib.error as error:
                if not self._ways:
                    raise httpx2.DecodingError(f"it cannot be unpacked: {error}") from error
                self._unpacking = zlib.decompressobj(self._ways.pop(0))
                continue
            self._ways.clear()
            if found:
                yield found
            chunk = self._unpacking.unconsumed_tail
