"""Lines over a pair of pipes, read and written by threads.

Threads, since no event loop of Windows can wait for such a pipe. A line is handed over whole; its
sender waits for nobody: the other end may be frozen.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from atlas_mcp.system.streams import let_writes_not_wait, read_some, write_all

CHUNK_BYTES = 262_144
"""Bytes that are read at once."""


@dataclass(slots=True, eq=False)
class _End:
    """A descriptor that is closed once no thread uses it.

    Its number would otherwise be given to the next file, and a thread that was about to write to
    the pipe would write to that.
    """

    descriptor: int
    parted: bool = field(init=False, default=False)
    _closed: bool = field(init=False, default=False)
    # Held by the thread that uses the descriptor.
    _used: threading.Lock = field(init=False, default_factory=threading.Lock)

    @contextmanager
    def used(self) -> Generator[bool]:
        """Use the descriptor for the length of a block; other threads wait.

        Yields:
            Whether it is there.
        """
        try:
            with self._used:
                yield not self.parted
        finally:
            # After the lock is free: a thread that finds it held leaves the closing to this one.
            if self.parted:
                self.close()

    def close(self) -> None:
        """Have it closed: now, or by the thread that uses it."""
        self.parted = True
        if self._used.acquire(blocking=False):
            try:
                if not self._closed:
                    self._closed = True
                    with suppress(OSError):
                        os.close(self.descriptor)
            finally:
                self._used.release()


@dataclass(slots=True, eq=False)
class Pipes:
    """The end of two pipes that this process holds; closed by `close`.

    A write that waits for its reader is given up by `end`; on Windows it ends with its reader.

    Args:
        incoming: The descriptor that is read.
        outgoing: The descriptor that is written. It is made one that does not wait.

    Attributes:
        gone: Whether the other end reads no more.
    """

    incoming: int
    outgoing: int
    gone: bool = field(init=False, default=False)
    _in: _End = field(init=False)
    _out: _End = field(init=False)
    _unsent: deque[bytes] = field(init=False, default_factory=deque[bytes])
    # Guards what is unsent: log lines come from any thread, and a thread writes.
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)
    # Each for one thread that waits for the other end, beside those that work.
    _reads: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )
    _writes: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(1)
    )

    def __post_init__(self) -> None:
        self._in, self._out = _End(self.incoming), _End(self.outgoing)
        let_writes_not_wait(self.outgoing)

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent: it was ended here, or the other end reads no more."""
        return self.gone or self._out.parted

    def send(self, line: bytes) -> None:
        """Have a line sent in turn, from any thread.

        It leads nowhere once the other end is gone.
        """
        with self._changed:
            if not self.ended:
                self._unsent.append(line)
                self._changed.notify()

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yield the lines of the other end until it is closed."""
        line = bytearray()
        while chunk := await self._read():
            # Pictures make lines of megabytes: what has come of one is not looked at again.
            *ends, begun = chunk.split(b"\n")
            for end in ends:
                line += end
                yield bytes(line)
                line.clear()
            line += begun

    async def write(self) -> None:
        """Write what is sent, until the other end is gone; run by a task."""
        await anyio.to_thread.run_sync(self._write_on, abandon_on_cancel=True, limiter=self._writes)

    def flush(self) -> None:
        """Write what is still unsent, and wait for the other end: the last words of a process."""
        self._write_unsent()

    def end(self) -> None:
        """Send no more: the other one reads an end, and what it still writes is read here."""
        self._out.close()
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Send no more, and read no more."""
        self.end()
        self._in.close()

    def _write_on(self) -> None:
        while not self.ended:
            with self._changed:
                self._changed.wait_for(lambda: self._unsent or self.ended)
            self._write_unsent()

    def _write_unsent(self) -> None:
        with self._out.used() as is_there:
            with self._changed:
                data = b"".join(self._unsent)
                self._unsent.clear()
            if is_there and not write_all(self.outgoing, data, wanted=lambda: not self._out.parted):
                self.gone = self.gone or not self._out.parted

    async def _read(self) -> bytes:
        def read() -> bytes:
            with self._in.used() as is_there:
                try:
                    return read_some(self.incoming, CHUNK_BYTES) if is_there else b""
                except OSError:
                    return b""

        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._reads)
