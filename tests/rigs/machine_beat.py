"""How late the machine is at any moment, seen from beside the processes that are killed."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import deque
from types import TracebackType

BEAT = 0.02
"""Seconds between two looks."""

KEPT = 60.0
"""Seconds for which they are remembered."""


class MachineBeat:
    """Writes a few bytes to the disk at each beat, and remembers how long that took.

    A machine that stands still, or whose disk does, keeps every program from storing anything. Its
    lateness is no fault of the program.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=round(KEPT / BEAT))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> MachineBeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def late(self, before: float, *, within: float = 0.5) -> float:
        """Return by how many seconds the machine was late shortly before a moment.

        Args:
            before: The moment, in seconds of `time.monotonic`.
            within: How many seconds before it count.
        """
        seen = [late for at, late in self._seen.copy() if before - within <= at <= before + BEAT]
        return max(seen, default=0.0)

    def _look(self) -> None:
        with tempfile.TemporaryFile() as file:
            due = time.monotonic()
            while not self._ended.is_set():
                due = max(due + BEAT, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
                file.seek(0)
                file.write(b"beat")
                file.flush()
                os.fsync(file.fileno())
                at = time.monotonic()
                self._seen.append((at, at - due))
