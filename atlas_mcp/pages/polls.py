"""Waiting for news of a run: bounded in time and number, and over when the browser has gone.

A browser opens six connections to one server, all its tabs together. If each tab held one until
there are news, a seventh page would never come; so the polls of one visitor make room for each
other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import anyio

from atlas_mcp.task_groups import open_task_group

if TYPE_CHECKING:
    from starlette.types import Receive

T = TypeVar("T")

LONGEST_WAIT = 30.0
"""Seconds that a poll waits at most. Proxies cut what is silent for a minute."""

WAITING_OF_ONE = 4
"""Polls of one visitor that wait at a time: two of its six connections stay free."""

LEAST_WAIT = 1.0
"""Seconds that a poll has waited before it makes room: many tabs must not ask all the time."""

MOST_WAITING = 256
"""Polls of all visitors that wait at a time."""


@dataclass(slots=True)
class _Wait:
    began: float
    scope: anyio.CancelScope


class Polls:
    """The polls of one process that wait."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[_Wait]] = {}
        self._ended = False

    @property
    def waiting(self) -> int:
        """How many there are."""
        return sum(map(len, self._waiting.values()))

    def end(self) -> None:
        """Let every poll be answered now, and each that is still to come."""
        self._ended = True
        for waits in self._waiting.values():
            for wait in waits:
                wait.scope.cancel("the server ends")

    @contextmanager
    def place(self, visitor: Hashable, seconds: float) -> Generator[None]:
        """Leave a block once its time is up, or once another poll needs its place.

        Args:
            visitor: Whoever asks, so that the polls of one can be told from those of others.
            seconds: How long it may wait.
        """
        now = anyio.current_time()
        own = self._waiting.setdefault(visitor, [])
        for before in own[: max(0, len(own) + 1 - WAITING_OF_ONE)]:
            before.scope.deadline = min(before.scope.deadline, before.began + LEAST_WAIT)
        with anyio.CancelScope(deadline=now + min(seconds, LONGEST_WAIT)) as scope:
            wait = _Wait(now, scope)
            own.append(wait)
            if self._ended:
                scope.cancel("the server ends")
            try:
                yield
            finally:
                own.remove(wait)
                if not own:
                    self._waiting.pop(visitor, None)


async def while_connected(receive: Receive, work: Callable[[], Awaitable[T]]) -> T | None:
    """Return the result of `work`; `None` if the browser hung up before."""
    results: list[T] = []
    async with open_task_group() as tasks:

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel("the browser has gone")

        tasks.start_soon(listen, name="hang-up")
        results.append(await work())
        tasks.cancel_scope.cancel("the answer is ready")
    return results[0] if results else None
