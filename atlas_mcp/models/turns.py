"""Turns of the event loop, given to those who would hold it up if they all went on at once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio
from anyio.lowlevel import RunVar


class Turns:
    """Lets one task go on in each turn of the event loop, first come, first served.

    Beginning a call takes a millisecond. A thousand that begin together would keep everybody else,
    a ping among them, waiting for a second.

    Args:
        pause: Seconds in which nobody goes on, after each turn. Other threads get the interpreter
            only then, where the loop has something to do all the time: it lets go of it for
            moments that are too short for them, and takes no notice of who waits.
        steps_back: Seconds, from when each came, for which those go first who wait for their first
            word.
    """

    def __init__(self, pause: float = 0.0, *, steps_back: float = 0.0) -> None:
        self._pause = pause
        self._steps_back = steps_back
        # Keeps the invariant that one goes on in each turn.
        self._lock = anyio.Lock()

    async def next(self) -> None:
        """Return when it is the caller's turn."""
        until = anyio.current_time() + self._steps_back
        async with self._lock:
            await rush().over(until)
            await anyio.sleep(self._pause)


class Rush:
    """Callers who wait for their first word. Who has minutes steps back for them, for a moment."""

    def __init__(self) -> None:
        self._waiting = 0
        self._bell = anyio.Event()

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Count a caller as waiting while the block runs."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                bell, self._bell = self._bell, anyio.Event()
                bell.set()

    async def over(self, until: float) -> None:
        """Return once nobody waits, or at a time of the event loop's clock."""
        if self._waiting and anyio.current_time() < until:
            with anyio.CancelScope(deadline=until):
                await self._bell.wait()


STEP_BACK_SECONDS = 5.0
"""Seconds for which what a run does steps back for callers who wait for its handle, or for that of
another run. A thousand that come together have theirs in seconds; a run takes minutes."""

_rush: RunVar[Rush] = RunVar("atlas_mcp.rush")


def rush() -> Rush:
    """Return the callers of this event loop that wait for their first word."""
    try:
        return _rush.get()
    except LookupError:
        found = Rush()
        _rush.set(found)
        return found
