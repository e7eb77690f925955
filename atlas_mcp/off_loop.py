"""Work that takes a while, done in threads so that it does not block the event loop.

Owns a few queues, each for one kind of work. They use none of the threads that all other work
shares: work that waits for a picture does not keep a reply from being written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

Line: TypeAlias = Literal[
    "pictures of clients",
    "pictures for calls",
    "schemas",
    "bodies",
    "events",
    "replies",
    "views",
    "memory",
    "pages",
]
"""A kind of work. Clients' pictures and pictures for calls wait in separate lines."""

THREADS: Mapping[Line, int] = {"events": 2, "replies": 2}
"""Threads of each line that has more than one, so that one endpoint's data do not delay another's.
Our own choice: the event loop waits for each busy thread, some milliseconds every time."""

LINE_SECONDS = 5.0
"""Seconds for which a cancelled `surely_off_loop` goes on waiting in its line. Our own choice: some
dozen of the largest replies take as long."""

_lines: RunVar[dict[Line, anyio.CapacityLimiter]] = RunVar("atlas_mcp.off_loop")


async def off_loop(line: Line, work: Callable[[], T]) -> T:
    """Do some work in a thread, after the work that came before it in its line.

    The wait for a thread can be cancelled. Work that has begun is waited for, so it should be
    short: a client that calls and hangs up again and again gets no second thread.
    """
    try:
        lines = _lines.get()
    except LookupError:
        lines = dict[Line, anyio.CapacityLimiter]()
        _lines.set(lines)
    limiter = lines.setdefault(line, anyio.CapacityLimiter(THREADS.get(line, 1)))
    return await anyio.to_thread.run_sync(work, limiter=limiter)


async def surely_off_loop(line: Line, work: Callable[[], T]) -> T:
    """Do some work in a thread, even if the caller is cancelled: a cancel only shortens the wait.

    For work whose result would be lost. The cancel is swallowed, not raised to the caller.
    """
    try:
        return await off_loop(line, work)
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(LINE_SECONDS, shield=True):
            return await off_loop(line, work)
        return work()
