"""Signals as an async iterator, under every event loop of every system.

The loops of Windows have no `add_signal_handler`, and a handler written in Python runs there only
once the main thread executes bytecode, which a sleeping loop does not. So the interpreter itself
writes each signal's number to a socket (`signal.set_wakeup_fd`), and the loop waits for that socket
as for any other. The same code runs on every system, so that the tests of one speak for all.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Generator
from types import FrameType

import anyio
from typing_extensions import override

UNREAD_SIGNALS = 64
"""Signals that are read at once from the socket."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask this process to end.

    One that is ignored was meant to be, by `nohup` or a shell's `&`. A hangup counts on POSIX,
    Ctrl-Break and the closing of a console on Windows.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    known = (getattr(signal, name) for name in names if hasattr(signal, name))
    # Names may share a number.
    return tuple(
        dict.fromkeys(
            signal.Signals(each) for each in known if signal.getsignal(each) is not signal.SIG_IGN
        )
    )


class _Received(AsyncIterator[signal.Signals]):
    """The signals that have been written to a socket, oldest first."""

    def __init__(self, wanted: tuple[signal.Signals, ...], inbox: socket.socket) -> None:
        self._wanted = frozenset(wanted)
        self._inbox = inbox
        self._unread: deque[signal.Signals] = deque()

    @override
    async def __anext__(self) -> signal.Signals:
        while not self._unread:
            await anyio.wait_readable(self._inbox)
            with contextlib.suppress(BlockingIOError):
                numbers = self._inbox.recv(UNREAD_SIGNALS)
                self._unread.extend(
                    signal.Signals(number) for number in numbers if number in self._wanted
                )
        return self._unread.popleft()


def _swallow(number: int, frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written the number to the socket already."""


@contextlib.contextmanager
def open_signals(*signals: signal.Signals) -> Generator[AsyncIterator[signal.Signals]]:
    """Receive signals instead of being ended by them, as `anyio.open_signal_receiver` does.

    Args:
        signals: The signals to receive. Those of an enclosing block are not received meanwhile.

    Yields:
        The signals as they arrive.

    Raises:
        ValueError: This is not the main thread.
    """
    inbox, outbox = socket.socketpair()
    with inbox, outbox, contextlib.ExitStack() as undo:
        inbox.setblocking(False)
        outbox.setblocking(False)
        before = signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        undo.callback(signal.set_wakeup_fd, before)
        for each in dict.fromkeys(signals):
            former = signal.signal(each, _swallow)
            # None: a handler that was not installed from Python cannot be put back.
            undo.callback(signal.signal, each, signal.SIG_DFL if former is None else former)
        try:
            yield _Received(signals, inbox)
        finally:
            anyio.notify_closing(inbox)
