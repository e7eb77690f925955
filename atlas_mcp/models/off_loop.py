"""Work that takes a while, off the event loop and out of the way of everybody else.

Owns a few lines of waiting, each for one kind of work. The threads that everything else shares are
not taken: what waits for a picture keeps no reply from being written down.
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
]
"""A kind of work. What a client sends waits in another line than what a call waits for."""

THREADS: Mapping[Line, int] = {"events": 2, "replies": 2}
"""Threads of a line that has more than one: what one endpoint sends keeps no other's waiting. Our
own choice: the event loop waits for each thread that is busy, some milliseconds every time."""

LINE_SECONDS = 5.0
"""Seconds for which work that must be done waits in its line once it is cancelled. Our own choice:
as long as some dozen of the largest replies take."""

_lines: RunVar[dict[Line, anyio.CapacityLimiter]] = RunVar("atlas_mcp.off_loop")


async def off_loop(line: Line, work: Callable[[], T]) -> T:
    """Do some work in a thread, once what came before it in its line is done.

    Waiting can be cancelled. Work that has begun is waited for, so it should be short: a client
    that calls and hangs up again and again gets no second thread.
    """
    try:
        lines = _lines.get()
    except LookupError:
        lines = dict[Line, anyio.CapacityLimiter]()
        _lines.set(lines)
    limiter = lines.setdefault(line, anyio.CapacityLimiter(THREADS.get(line, 1)))
    return await anyio.to_thread.run_sync(work, limiter=limiter)


async def surely_off_loop(line: Line, work: Callable[[], T]) -> T:
    """Do some work in a thread, also if that is cancelled: a cancel only shortens the wait.

    For what is lost if it is not done. Whoever calls is not told of the cancel.
    """
    try:
        return await off_loop(line, work)
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(LINE_SECONDS, shield=True):
            return await off_loop(line, work)
        return work()
