"""Lines over a pair of pipes, read and written by threads.

Threads, since no event loop of Windows can wait for such a pipe. A line is handed over whole; its
sender waits for nobody: the other end may be frozen.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from atlas_mcp.system.streams import read_some, write_all

CHUNK_BYTES = 262_144
"""Bytes that are read at once."""


@dataclass(slots=True, eq=False)
class Pipes:
    """The end of two pipes that this process holds; closed by `close`.

    Args:
        incoming: The descriptor that is read.
        outgoing: The descriptor that is written.

    Attributes:
        gone: Whether the other end reads no more.
    """

    incoming: int
    outgoing: int
    gone: bool = field(init=False, default=False)
    _unsent: deque[bytes] = field(init=False, default_factory=deque[bytes])
    _bell: anyio.Event = field(init=False, default_factory=anyio.Event)
    _closed: bool = field(init=False, default=False)
    # Each for one thread that waits for the other end, beside those that work.
    _reads: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )
    _writes: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )

    def send(self, line: bytes) -> None:
        """Have a line sent, in turn. It leads nowhere once the other end is gone."""
        if not self.gone:
            self._unsent.append(line)
            self._bell.set()

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yield the lines of the other end until it is closed."""
        rest = b""
        while chunk := await self._read():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line

    async def write(self) -> None:
        """Write what is sent, until the other end is gone; run by a task."""
        while not self.gone:
            while not self._unsent:
                await self._bell.wait()
                self._bell = anyio.Event()
            data = b"".join(self._unsent)
            self._unsent.clear()
            written = await anyio.to_thread.run_sync(
                write_all, self.outgoing, data, abandon_on_cancel=True, limiter=self._writes
            )
            self.gone = not written

    def flush(self) -> None:
        """Write what is still unsent, and wait for the other end: the last words of a process."""
        if not self.gone:
            write_all(self.outgoing, b"".join(self._unsent))
            self._unsent.clear()

    def close(self) -> None:
        """Close this end: the other one reads an end, and what it writes leads nowhere."""
        if not self._closed:
            self._closed = self.gone = True
            for descriptor in (self.outgoing, self.incoming):
                with suppress(OSError):
                    os.close(descriptor)

    async def _read(self) -> bytes:
        def read() -> bytes:
            try:
                return read_some(self.incoming, CHUNK_BYTES)
            except OSError:
                return b""

        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._reads)
