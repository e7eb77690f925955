"""Streams that wait for their other side: as long as it takes, or not for long.

A stderr without a reader takes some 64 kB and then blocks its writers: a log would hold up the
event loop, and with it every run. And the program that started us may have made a stream one that
does not wait, so that reading it fails where there is nothing yet.
"""

from __future__ import annotations

import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

KEPT_BYTES = 1_000_000
"""Bytes that wait for a reader; later ones are dropped and counted."""

_HAS_POLL = hasattr(select, "poll")
_POLLIN: int = getattr(select, "POLLIN", 0)
_POLLOUT: int = getattr(select, "POLLOUT", 0)
_POLLGONE: int = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)

STALL_SECONDS = 0.05
"""Seconds a caller waits for its words to be out before it goes on without."""


GIVE_UP_SECONDS = 0.2
"""Seconds between looks at whether a write that waits for its reader is still wanted."""

AT_ONCE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes without a wait once it can be written to at all."""


class PatientWriter(io.RawIOBase):
    """Writes to a descriptor from a thread of its own, so that no writer is held up for long.

    A write returns once its bytes are out, which keeps them in order with what goes to other
    streams. Without a reader, only the first one waits, for `STALL_SECONDS`; from then on bytes
    are kept, and beyond `KEPT_BYTES` dropped, until the reader goes on. What is written after the
    reader has gone leads nowhere. While the system gives no thread, a writer writes by itself.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._stalled = False
        self._thread: threading.Thread | None = None

    @override
    def write(self, data: ReadableBuffer, /) -> int:
        chunk = bytes(data)
        with self._changed:
            if self._thread is None and not self._start():
                self._write_now(chunk)
                return len(chunk)
            if self._size + len(chunk) > KEPT_BYTES:
                self._dropped += 1
                return len(chunk)
            self._kept.append(chunk)
            self._size += len(chunk)
            self._changed.notify_all()
            if not self._stalled:
                self._stalled = not self._wait_until_out(STALL_SECONDS)
        return len(chunk)

    def drain(self, seconds: float) -> None:
        """Wait until everything is out, at most so long."""
        with self._changed:
            self._wait_until_out(seconds)

    @override
    def fileno(self) -> int:
        return self._descriptor

    @override
    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    @override
    def writable(self) -> bool:
        return True

    def _start(self) -> bool:
        """Start the thread, and return whether the system gives one."""
        thread = threading.Thread(target=self._run, name="stderr", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _write_now(self, chunk: bytes) -> None:
        """Write without a thread; what is not taken at once is dropped, where the system knows."""
        for first in range(0, len(chunk), AT_ONCE_BYTES):
            if _HAS_POLL and not _poll(self._descriptor, _POLLOUT, round(STALL_SECONDS * 1_000)):
                self._dropped += 1
                return
            write_all(self._descriptor, chunk[first : first + AT_ONCE_BYTES])

    def _wait_until_out(self, seconds: float) -> bool:
        return self._changed.wait_for(lambda: not self._size, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._kept))
                chunk, dropped = self._kept.popleft(), self._dropped
                self._dropped = 0
            if dropped:
                note = f"atlas-mcp: {dropped} lines were dropped, since nobody read them\n"
                write_all(self._descriptor, note.encode())
            write_all(self._descriptor, chunk)
            with self._changed:
                self._size -= len(chunk)
                if not self._size:
                    self._stalled = False
                self._changed.notify_all()


def write_all(descriptor: int, data: bytes, *, wanted: Callable[[], bool] | None = None) -> bool:
    """Write bytes, waiting for their reader as long as it takes.

    Args:
        descriptor: The descriptor.
        data: The bytes.
        wanted: Whether they are still to be written. Asked again and again while the reader is
            waited for, where the descriptor is one that does not wait; `None` for always.

    Returns:
        Whether all of them were written: false where there was no reader.
    """
    seconds = None if wanted is None else GIVE_UP_SECONDS
    view = memoryview(data)
    while view:
        if wanted is not None and not wanted():
            return False
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # The program at the other end of a pipe may have made it one that does not wait.
            wait_writable(descriptor, seconds=seconds)
        except OSError:
            return False
    return True


def let_writes_not_wait(descriptor: int) -> None:
    """Make a pipe one that takes what it can and lets no writer wait, where the system has such."""
    if os.name == "posix":
        os.set_blocking(descriptor, False)


def read_some(descriptor: int, size: int) -> bytes:
    """Return what has come, at most so many bytes, waiting for it; nothing at the end.

    Raises:
        OSError: It cannot be read.
    """
    while True:
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            wait_readable(descriptor)


def wait_readable(descriptor: int) -> None:
    """Return once there is something to read, or the end."""
    if _HAS_POLL:
        _poll(descriptor, _POLLIN, None)
    else:
        select.select((descriptor,), (), ())


def wait_writable(descriptor: int, *, seconds: float | None = None) -> None:
    """Return once something can be written, or never can be any more.

    Args:
        descriptor: The descriptor.
        seconds: After which this returns all the same; `None` for never.
    """
    if _HAS_POLL:
        _poll(descriptor, _POLLOUT, None if seconds is None else round(seconds * 1_000))
    else:
        select.select((), (descriptor,), (), seconds)


def reader_gone(descriptor: int) -> bool:
    """Return whether the reader of a stream has gone, where the system knows."""
    return _HAS_POLL and bool(_poll(descriptor, 0, 0) & _POLLGONE)


def _poll(descriptor: int, events: int, milliseconds: int | None) -> int:
    poll = cast("Any", select).poll()
    poll.register(descriptor, events)
    found: list[tuple[int, int]] = poll.poll(milliseconds)
    return found[0][1] if found else 0
