"""Turns of the event loop, one at a time, for tasks that would block it if all ran at once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio
from anyio.lowlevel import RunVar


class LoopTurns:
    """Lets one task go on in each turn of the event loop, first come, first served.

    To begin a call takes a millisecond. A thousand calls that begin together would delay all other
    tasks, a ping among them, by a second.

    Args:
        pause: Seconds after each turn in which no task takes the next. When the event loop is
            always busy, other threads get the interpreter only in these pauses: the loop releases
            it at other times too, but too briefly for them.
        steps_back: Seconds for which a task lets the callers of `Rush` go first, counted from the
            moment when it asks for its turn.
    """

    def __init__(self, pause: float = 0.0, *, steps_back: float = 0.0) -> None:
        self._pause = pause
        self._steps_back = steps_back
        # Keeps the invariant that one task goes on in each turn.
        self._lock = anyio.Lock(fast_acquire=True)

    async def next(self) -> None:
        """Return when it is the caller's turn."""
        until = anyio.current_time() + self._steps_back
        async with self._lock:
            await rush().over(until)
            await anyio.sleep(self._pause)


class Rush:
    """Callers who wait for a first response; work that takes minutes lets them go first."""

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
        """Return once no caller waits, or at `until`, a time of the event loop's clock."""
        if self._waiting and anyio.current_time() < until:
            with anyio.CancelScope(deadline=until):
                await self._bell.wait()


STEP_BACK_SECONDS = 5.0
"""Seconds for which the work of a run lets callers go first who wait for the handle of any run. A
thousand callers that come together have their handles in seconds; a run takes minutes."""

_rush: RunVar[Rush] = RunVar("atlas_mcp.rush")


def rush() -> Rush:
    """Return the callers of this event loop that wait for a first response."""
    try:
        return _rush.get()
    except LookupError:
        found = Rush()
        _rush.set(found)
        return found
