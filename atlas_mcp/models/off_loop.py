"""Work that takes a while, off the event loop and out of the way of everybody else.

Owns a few lines of waiting, each for one kind of work. The threads that everything else shares are
not taken: what waits for a picture keeps no reply from being written down.
"""

from __future__ import annotations

from collections.abc import Callable
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
    limiter = lines.setdefault(line, anyio.CapacityLimiter(1))
    return await anyio.to_thread.run_sync(work, limiter=limiter)
