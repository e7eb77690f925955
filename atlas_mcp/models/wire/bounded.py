"""How much an endpoint may send: bytes, unpacked bytes, the length of a line, and for how long.

Owns the hooks that every HTTP client of a vendor's library is made with, so that no response can
fill the memory or block the event loop. Requests ask for uncompressed replies; a reply that comes
compressed all the same is unpacked here, in small pieces.
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

from atlas_mcp.loop_turns import LoopTurns
from atlas_mcp.models.wire.event_lines import LONGEST_FIELD, Kind, kind_of, trimmed

MAX_STREAM_BYTES = 64_000_000
"""Bytes of a streamed reply, unpacked. Our own choice: 128,000 tokens, each in an event
of 500 bytes."""

MAX_LINE_BYTES = 4_000_000
"""Bytes of one line of a response. Our own choice: a whole reply in a single event has a tenth, and
parsing a line of this length as JSON takes 40 ms."""

MAX_BODY_BYTES = 4_000_000
"""Bytes of any other answer, e.g. a list of models, or a reply in one piece."""

MAX_ERROR_BYTES = 65_536
"""Bytes that are read of an answer with an error status. The rest is not waited for."""

ERROR_SECONDS = 5.0
"""Seconds in which the first `MAX_ERROR_BYTES` of such an answer must come."""

SLICE_BYTES = 16_384
"""Bytes that are handed on at once. After as many, the other tasks get a turn."""

TURN_SECONDS = 0.001
"""Seconds of work on received data, however small its pieces, after which the other tasks get a
turn. Our own choice: an answer takes some dozen turns, too few to be noticed."""

MOST_HINTS = 100
"""Informational responses (1xx) before an answer. Our own choice: servers send a few at most."""

PAUSE_SECONDS = 0.001
"""Seconds of a turn of the other tasks. Without this pause the threads that read and write for the
clients waited for up to 0.8 s, measured 2026-11 with three endpoints that answer in chunks of one
byte."""

WAITED_SECONDS = 0.0005
"""Seconds of waiting for a chunk after which the other tasks count as having had their turn."""

LEAVE_SECONDS = 0.5
"""Seconds for reading the data that has already arrived once no more is wanted. A response that
arrives faster than it is read is left unfinished. Our own choice: the data is not needed, and a
cancel waits for this reading to end."""

CHUNK_BYTES = 65_536
"""Bytes that are handed on without a turn once a call is cancelled: as many as the HTTP library
reads at once (httpcore2, `http11.py`). Compressed, they may hold a thousand times as many."""

_turns: RunVar[LoopTurns] = RunVar("atlas_mcp.bounded")

LONGEST_CODING = 40
"""Characters of the longest name of a compression format that an error message quotes."""

Hook: TypeAlias = Callable[[httpx2.Response], Awaitable[None]]
RequestHook: TypeAlias = Callable[[httpx2.Request], Awaitable[None]]


class TooMuch(httpx2.DecodingError):
    """An endpoint sends more than may be read; the message names the limit."""


def response_hooks() -> list[Hook]:
    """Return the hooks that a client must call with each response."""
    return [_bound]


def request_hooks(on_sent: Callable[[], None] = lambda: None) -> list[RequestHook]:
    """Return the hooks that a client must call with each request.

    Args:
        on_sent: Called when a request is being sent, but not for a CONNECT request to a proxy.
    """
    return [_ask_for_unpacked, partial(_watch_request, on_sent)]


async def _ask_for_unpacked(request: httpx2.Request) -> None:
    request.headers["accept-encoding"] = "identity"


async def _watch_request(on_sent: Callable[[], None], request: httpx2.Request) -> None:
    request.extensions["trace"] = partial(_watch, on_sent)


async def _watch(on_sent: Callable[[], None], event: str, info: Mapping[str, Any]) -> None:
    """Limit the informational responses on a connection, as soon as the connection is made."""
    if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
        on_sent()
    if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        stream = info["return_value"]
        hints = _Hints(stream.read, stream.write)
        stream.read, stream.write = hints.read, hints.write


class _Hints:
    """Counts the informational responses before each answer on a connection.

    The HTTP library skips any number of them, and gives other tasks no turn meanwhile.

    Args:
        read: Reads from the connection.
        write: Writes to the connection.
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
        """Write a part of a request, and start to count for the next answer."""
        self._waiting, self._hints, self._end = True, 0, b"\n"
        await self._write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - theirs
        """Read some of an answer.

        Raises:
            TooMuch: There are too many informational responses before the answer.
        """
        data = await self._read(max_bytes, timeout)
        if self._waiting:
            text = self._end + data
            found = self._STATUS.findall(text)
            self._hints += found.count(b"1")
            self._waiting = len(found) == found.count(b"1")
            # A status line may be cut anywhere; ten bytes hold no whole one to count twice.
            self._end = text[-10:]
            if self._hints > MOST_HINTS:
                raise TooMuch(f"more than {MOST_HINTS} informational responses come before it")
        return data


async def _bound(response: httpx2.Response) -> None:
    """Limit the body that is read of a response."""
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream), "only asynchronous clients have these hooks"
    response.stream = _Bounded(stream, response)
    # The body is unpacked here, so the client must not try to.
    response.headers.pop("content-encoding", None)


def _turns_of_all() -> LoopTurns:
    """Return the turns that all bodies share, so that a hundred at once delay no other task."""
    try:
        return _turns.get()
    except LookupError:
        found = LoopTurns(PAUSE_SECONDS)
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
                    # The HTTP library gives no turn before it needs more from the network.
                    if cancelled is None and (handed_on >= SLICE_BYTES or time.monotonic() >= due):
                        try:
                            await turns.next()
                        except anyio.get_cancelled_exc_class() as error:
                            # Data that has arrived is handed on first: it may complete a reply.
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
        """Yield the body's chunks; of an error's body only those that come in time."""
        chunks = aiter(self._stream)
        end = anyio.current_time() + ERROR_SECONDS if self._failed else None
        is_over = False
        try:
            while True:
                chunk: bytes | None = None
                if end is None:
                    chunk = await anext(chunks, None)
                    is_over = chunk is None
                else:
                    with anyio.CancelScope(deadline=end):
                        chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk
        finally:
            left_at = anyio.current_time()
            # Nothing is left to read of a body that has come to its end.
            goes_on = not is_over and await _goes_on(chunks)
            while goes_on and anyio.current_time() < left_at + LEAVE_SECONDS:
                with anyio.CancelScope(shield=True):
                    await _turns_of_all().next()
                goes_on = await _goes_on(chunks)
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    def _count(self, chunk: bytes) -> None:
        """Count the bytes that are handed on.

        Raises:
            TooMuch: The body, or a line of it, is too long.
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
    """Read data that has already arrived, for a while; return whether there is more of it.

    Where there is no more, the iterator is ended from within, by a cancel at the point where it
    waits: a generator that is only closed leaves the generators below it half run, and trio
    complains about those.
    """
    due = time.monotonic() + TURN_SECONDS
    with anyio.CancelScope() as scope:
        scope.cancel()
        while await anext(chunks, None) is not None:
            if time.monotonic() >= due:
                return True
    return False


def _unpacking(packed: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return a function that yields the unpacked contents of a chunk, in slices.

    Args:
        packed: The response's `content-encoding`.

    Raises:
        TooMuch: The compression format is not supported.
    """
    match packed.strip().lower():
        case "" | "identity":
            return _sliced
        case "gzip" | "x-gzip":
            return _Unpacked(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Unpacked(zlib.MAX_WBITS, -zlib.MAX_WBITS)
        case _:
            # The name is quoted whole or not at all: secrets cannot be found in a cut name.
            named = f"as {packed!r}" if len(packed) <= LONGEST_CODING else "in an unknown way"
            raise TooMuch(f"it is packed {named}, and was asked for unpacked")


def _sliced(chunk: bytes) -> Iterator[bytes]:
    for at in range(0, len(chunk), SLICE_BYTES):
        yield chunk[at : at + SLICE_BYTES]


class _Unpacked:
    """Unpacks chunks, however much is in them, a slice at a time.

    Args:
        ways: The `wbits` of `zlib` for the possible formats; the first that fits is used.
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
