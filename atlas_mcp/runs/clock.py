"""The time of a run: calendar time when it is taken up, and from then on the seconds that pass.

A clock on the wall is set now and then: by a time service, after a suspend, by hand. The records of
a run must not depend on that: the length of each call is read from them. Seconds are those of the
event loop, by which the run's limits are kept too.
"""

from __future__ import annotations

import time

import anyio


class RunClock:
    """Tells the time of one run in one process; it never goes back and never jumps."""

    def __init__(self, after: float = 0.0) -> None:
        """Start, when it is first asked, from the calendar or from a later time of the run.

        Args:
            after: Unix seconds of the run's last record.
        """
        self._after = after
        self._offset: float | None = None

    def now(self) -> float:
        """Return the time of the run, in Unix seconds."""
        return self._started() + anyio.current_time()

    def set(self, now: float) -> None:
        """Go on from a time that another process has told, in Unix seconds."""
        self._offset = now - anyio.current_time()

    def loop_time(self, at: float) -> float:
        """Return a time of the run, in Unix seconds, in the time of the event loop."""
        return at - self._started()

    def _started(self) -> float:
        """Return the Unix seconds at the zero of the event loop's clock; start if need be."""
        if self._offset is None:
            self.set(max(time.time(), self._after))
        assert self._offset is not None, "`set` has just set it"
        return self._offset


def today() -> str:
    """Return the date of UTC, as `YYYY-MM-DD`."""
    return time.strftime("%Y-%m-%d", time.gmtime())
