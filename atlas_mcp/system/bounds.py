"""Bounds that a process sets itself: addresses for all of it, CPU for a piece of work."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import NoReturn


class TookTooLong(BaseException):
    """The CPU for a piece of work is used up. It is no `Exception`: libraries catch those."""


def bound_addresses(size_bytes: int) -> None:
    """Let this process have no more bytes of addresses; more are refused as `MemoryError`.

    macOS does not keep to it. Windows has no such bound: a job object does the same there.
    """
    if sys.platform == "win32":
        return
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = size_bytes if hard == resource.RLIM_INFINITY else min(hard, size_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


@contextmanager
def bounded_cpu(seconds: float) -> Generator[None]:
    """Break a block of the main thread off once it has used so many seconds of CPU.

    On Windows, which has no such signal, nothing is bounded.

    Raises:
        TookTooLong: It has.
    """
    if sys.platform == "win32":
        yield
        return

    def up(number: int, frame: object) -> NoReturn:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
