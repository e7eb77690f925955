"""Lines over a pair of pipes, read and written by threads.

Threads, since no event loop of Windows can wait for such a pipe. A line is handed over whole; its
sender waits for nobody: the other end may be frozen.
"""

from __future__ import annotations

import os
import threading
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
    # Guards what is unsent: log lines come from any thread, and a thread writes.
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)
    _ended: bool = field(init=False, default=False)
    _closed: bool = field(init=False, default=False)
    # Each for one thread that waits for the other end, beside those that work.
    _reads: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )
    _writes: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )

    def send(self, line: bytes) -> None:
        """Have a line sent in turn, from any thread.

        It leads nowhere once the other end is gone.
        """
        with self._changed:
            if not self.gone:
                self._unsent.append(line)
                self._changed.notify()

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yield the lines of the other end until it is closed."""
        rest = b""
        while chunk := await self._read():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line

    async def write(self) -> None:
        """Write what is sent, until the other end is gone; run by a task."""
        await anyio.to_thread.run_sync(self._write_on, abandon_on_cancel=True, limiter=self._writes)

    def flush(self) -> None:
        """Write what is still unsent, and wait for the other end: the last words of a process."""
        with self._changed:
            data = b"".join(self._unsent)
            self._unsent.clear()
        if not self.gone:
            write_all(self.outgoing, data)

    def end(self) -> None:
        """Send no more: the other one reads an end, and what it still writes is read here."""
        with self._changed:
            if self._ended:
                return
            self._ended = self.gone = True
            self._changed.notify()
        with suppress(OSError):
            os.close(self.outgoing)

    def close(self) -> None:
        """Send no more, and read no more."""
        self.end()
        if not self._closed:
            self._closed = True
            with suppress(OSError):
                os.close(self.incoming)

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unsent or self.gone)
                if self.gone:
                    return
                data = b"".join(self._unsent)
                self._unsent.clear()
            if not write_all(self.outgoing, data):
                with self._changed:
                    self.gone = True
                return

    async def _read(self) -> bytes:
        def read() -> bytes:
            try:
                return read_some(self.incoming, CHUNK_BYTES)
            except OSError:
                return b""

        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._reads)
