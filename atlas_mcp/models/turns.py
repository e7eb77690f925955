"""Turns of the event loop, given to those who would hold it up if they all went on at once."""

from __future__ import annotations

import anyio
import anyio.lowlevel


class Turns:
    """Lets one task go on in each turn of the event loop, first come, first served.

    Beginning a call takes a millisecond. A thousand that begin together would keep everybody else,
    a ping among them, waiting for a second.
    """

    def __init__(self) -> None:
        # Keeps the invariant that one goes on in each turn.
        self._lock = anyio.Lock()

    async def next(self) -> None:
        """Return when it is the caller's turn."""
        async with self._lock:
            await anyio.lowlevel.checkpoint()
