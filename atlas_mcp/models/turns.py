"""Turns of the event loop, given to those who would hold it up if they all went on at once."""

from __future__ import annotations

import anyio


class Turns:
    """Lets one task go on in each turn of the event loop, first come, first served.

    Beginning a call takes a millisecond. A thousand that begin together would keep everybody else,
    a ping among them, waiting for a second.

    Args:
        pause: Seconds in which nobody goes on, after each turn. Other threads get the interpreter
            only then, where the loop has something to do all the time: it lets go of it for
            moments that are too short for them, and takes no notice of who waits.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause
        # Keeps the invariant that one goes on in each turn.
        self._lock = anyio.Lock()

    async def next(self) -> None:
        """Return when it is the caller's turn."""
        async with self._lock:
            await anyio.sleep(self._pause)
