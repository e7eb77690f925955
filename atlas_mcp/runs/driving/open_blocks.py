"""The blocks of one run that wait for something outside: each has a deadline, and a stop ends them.

Owns the effect of a stop on open blocks: a block whose call may be billed keeps its grace, every
other one ends at once. A stop that is lifted ends no further block. The driver brings both.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import anyio


@dataclass(eq=False, slots=True)
class Block:
    """A block that is open.

    Attributes:
        scope: Its cancel scope.
        deadline: The time at which it ends without a stop.
        gets_grace: Whether it gets the grace of a stop.
    """

    scope: anyio.CancelScope
    deadline: float
    gets_grace: Callable[[], bool]

    @property
    def ends_by_stop(self) -> bool:
        """Whether a stop, and not its deadline, ends it or has ended it."""
        return self.scope.deadline < self.deadline


@dataclass(slots=True)
class OpenBlocks:
    """Open blocks of one run. All times are those of the event loop."""

    _stop_at: float = field(init=False, default=inf)
    _open: set[Block] = field(init=False, default_factory=set[Block])

    @contextmanager
    def bounded(self, deadline: float, *, gets_grace: Callable[[], bool]) -> Generator[Block]:
        """Bound a block by a deadline, which a stop may bring forward.

        Args:
            deadline: The time at which the block ends.
            gets_grace: Whether the block gets the grace of a stop; else it ends with the stop.
        """
        with anyio.CancelScope(deadline=min(deadline, self._stop_at)) as scope:
            block = Block(scope, deadline, gets_grace)
            self._open.add(block)
            try:
                yield block
            finally:
                self._open.discard(block)

    def shorten(self, until: float) -> None:
        """Let no block, open now or later, take longer than `until`."""
        self._stop_at = min(self._stop_at, until)
        for block in self._open:
            block.scope.deadline = min(block.scope.deadline, self._stop_at)

    def stop(self, until: float) -> None:
        """End the blocks that wait for their turn at once, and the others at `until`."""
        self.shorten(until)
        for block in self._open:
            if not block.gets_grace():
                block.scope.cancel("the run is to stop")
                block.scope.deadline = min(block.scope.deadline, anyio.current_time())

    def lift(self) -> None:
        """Give the blocks back the time that a stop has taken from them; ended ones stay ended."""
        self._stop_at = inf
        for block in self._open:
            if not block.scope.cancel_called:
                block.scope.deadline = block.deadline
