"""The blocks of one run that wait for something outside: each has a deadline, and a stop ends them.

Owns the effect of a stop on open blocks: a block whose call may be billed keeps its grace, every
other one ends at once. The driver brings the stop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import anyio


@dataclass(slots=True)
class OpenBlocks:
    """Cancel scopes of one run. All times are those of the event loop."""

    _stop_at: float = field(init=False, default=inf)
    # For each block, whether it gets the grace of a stop.
    _open: dict[anyio.CancelScope, Callable[[], bool]] = field(
        init=False, default_factory=dict[anyio.CancelScope, Callable[[], bool]]
    )

    @contextmanager
    def bounded(
        self, deadline: float, *, gets_grace: Callable[[], bool]
    ) -> Generator[anyio.CancelScope]:
        """Bound a block by a deadline, which a stop may bring forward.

        Args:
            deadline: The time at which the block ends.
            gets_grace: Whether the block gets the grace of a stop; else it ends with the stop.
        """
        with anyio.CancelScope(deadline=min(deadline, self._stop_at)) as scope:
            self._open[scope] = gets_grace
            try:
                yield scope
            finally:
                del self._open[scope]

    def shorten(self, until: float) -> None:
        """Let no block, open now or later, take longer than `until`."""
        self._stop_at = min(self._stop_at, until)
        for scope in self._open:
            scope.deadline = min(scope.deadline, self._stop_at)

    def stop(self, until: float) -> None:
        """End the blocks that wait for their turn at once, and the others at `until`."""
        self.shorten(until)
        for scope, gets_grace in self._open.items():
            if not gets_grace():
                scope.cancel("the run is to stop")
