"""The first steps of a process of ours, and the last: its streams, signals and collector.

Three things go wrong where a program trusts the state in which it was started. A standard stream
that was closed leaves its number to the next file that is opened, so that a stray word would be
written into the journal. A stderr without a reader blocks its writers. And a Ctrl-C while modules
load is a traceback. `take_over` closes all three; nothing is done on import, and nothing is undone:
the process is ours until it ends.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

# `typing` takes longer to import than the rest, and until `take_over` a Ctrl-C is a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

STDERR = 2

THREAD_SECONDS = 0.5
"""Seconds that threads get to end at the end of the process."""

DRAIN_SECONDS = 0.5
"""Seconds that the end of the process waits for a reader of stderr."""

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Names of the signals that ask a process to end, where the system has them."""


COLLECT_AFTER = (20_000, 5, 100)
"""Objects that are made before the collector looks at the youngest of them, and how often it does
before it looks at older ones. What runs make is mostly freed without it, and each look holds up
everybody: with the defaults of Python 3.11 and 300 runs at once it took 2.3 of 18 seconds of CPU
and up to 0.34 s at a time, with these 0.6 of 13 and 0.14 s, measured 2026-11. What is in cycles is
collected once a server has little to do (`memory_upkeep`)."""


def take_over(*, interrupted: int | None = None) -> None:
    """Give the standard streams their places, and let signals end the process without a traceback.

    Args:
        interrupted: The exit code when a signal comes before anything has begun to receive signals;
            `None` for 128 and the signal's number.
    """
    _end_at_signals(interrupted)
    place_streams()
    _write_patiently()


def collect_seldom() -> None:
    """Have the garbage collector look after many more objects than it does by itself."""
    gc.set_threshold(*COLLECT_AFTER)


def is_held_up() -> bool:
    """Return whether threads would keep the process: it waits for each, without a limit."""
    import threading
    import time

    ours = (threading.main_thread(), threading.current_thread())
    others = [one for one in threading.enumerate() if one not in ours and not one.daemon]
    until = time.monotonic() + THREAD_SECONDS
    for thread in others:
        thread.join(max(0.0, until - time.monotonic()))
    return any(thread.is_alive() for thread in others)


def leave(code: int) -> NoReturn:
    """End the process now, whatever its threads are waiting for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            # It is closed, or its reader has gone.
            continue
    _drain()
    os._exit(code)


def place_streams() -> None:
    """Put something where a standard stream is closed: no other file may get its number.

    A user of the stream learns that it is closed, but for stderr, which has no reader to tell.
    """
    for descriptor, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is given, and those below are taken.
            os.open(os.devnull, mode)
            os.set_inheritable(descriptor, True)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(STDERR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _end_at_signals(interrupted: int | None) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        os._exit(128 + number if interrupted is None else interrupted)

    for name in ENDING:
        number = getattr(signal, name, None)
        # A signal that is ignored was meant to be: `nohup`, or a shell's `&`.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def _write_patiently() -> None:
    import atexit
    import io

    from atlas_mcp.system.streams import PatientWriter

    stream = sys.stderr
    console = sys.platform == "win32" and os.isatty(STDERR)
    if console:
        # Its characters are no bytes, and its user can see that it waits.
        return
    sys.stderr = io.TextIOWrapper(
        PatientWriter(STDERR),  # pyright: ignore[reportArgumentType] - it takes every whole chunk, as a buffer does
        # Pipes get UTF-8: what they get on Windows is an old code page.
        encoding=stream.encoding if stream.isatty() else "utf-8",
        errors="backslashreplace",
        write_through=True,
    )
    atexit.register(_drain)


def _drain() -> None:
    drain = getattr(getattr(sys.stderr, "buffer", None), "drain", None)
    if drain is not None:
        drain(DRAIN_SECONDS)
