"""Waiting for news of runs: woken by appends of this process, else at a bounded pace.

A store without notifications from other processes has to be read again and again. All followers of
one journal share a limited rate of reads, so that a thousand of them do not hold up its writers.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

LOOK_SECONDS = 0.25
"""Seconds between two reads of a run that another process drives."""

LOOKED_AT_FULL_PACE = 25
"""Followers that may read that often. More of them share this rate, a hundred reads a second."""


@dataclass(slots=True, eq=False)
class Follower:
    """A follower of a run. It is woken at most once for all changes since its last read."""

    run_id: str
    bell: anyio.Event = field(default_factory=anyio.Event)


@dataclass(slots=True)
class Followers:
    """The followers of runs through one journal."""

    _by_run: dict[str, set[Follower]] = field(init=False, default_factory=dict[str, set[Follower]])
    _count: int = field(init=False, default=0)

    @contextmanager
    def following(self, run_id: str) -> Generator[Follower]:
        """Count a follower for the length of the block."""
        follower = Follower(run_id)
        self._by_run.setdefault(run_id, set()).add(follower)
        self._count += 1
        try:
            yield follower
        finally:
            self._count -= 1
            others = self._by_run[run_id]
            others.discard(follower)
            if not others:
                del self._by_run[run_id]

    def wake(self, run_id: str) -> None:
        """Have the followers of a run read it at once."""
        for follower in self._by_run.get(run_id, ()):
            follower.bell.set()

    @property
    def look_seconds(self) -> float:
        """Seconds between two reads of each follower at present."""
        return LOOK_SECONDS * max(1.0, self._count / LOOKED_AT_FULL_PACE)

    async def pause(self, follower: Follower) -> None:
        """Return when it is time for the next read."""
        with anyio.move_on_after(self.look_seconds):
            await follower.bell.wait()
        follower.bell = anyio.Event()
