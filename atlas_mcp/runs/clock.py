"""The time of a run: calendar time when it is taken up, and from then on the seconds that pass.

A clock on the wall is set now and then: by a time service, after a suspend, by hand. What a run's
records say must not depend on that, as how long a call took is read from them.
"""

from __future__ import annotations

import time


class RunClock:
    """Tells the time of one run in one process; it never goes back and never jumps."""

    def __init__(self, after: float = 0.0) -> None:
        """Start from the calendar, or from a later time that the run has reached.

        Args:
            after: Unix seconds of the run's last record.
        """
        self.set(max(time.time(), after))

    def now(self) -> float:
        """Return the time of the run, in Unix seconds."""
        return self._set_to + time.monotonic() - self._set_at

    def set(self, now: float) -> None:
        """Go on from a time that another process has told, in Unix seconds."""
        self._set_to = now
        self._set_at = time.monotonic()
