"""The calls that one process has in flight, and the clients that carry them.

A process has so many descriptors, and a call takes one for its connection. `Calls` lets no more
calls out than there are descriptors for; the others wait their turn, which costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio

from atlas_mcp.closing import close_all
from atlas_mcp.models.turns import Turns

MOST_CALLS = 1_000
"""Calls in flight at once, whatever the descriptors allow. Source: the connections that the
vendors' own clients open (anthropic 2.14.0, `DEFAULT_CONNECTION_LIMITS`)."""

CALLS_A_CLIENT = 40
"""Calls in flight of one client; further ones go through another. For each call it begins or ends a
client's pool looks at all its connections: with 1,000 in one pool that takes longer than the call
itself."""


class _Client(Protocol):
    async def close(self) -> None: ...


_C = TypeVar("_C", bound=_Client)


class Calls:
    """The calls that a process has in flight: at most so many, and begun one after the other.

    Args:
        most: Calls in flight at once.
    """

    def __init__(self, most: int = MOST_CALLS) -> None:
        self._slots = anyio.CapacityLimiter(most)
        self._turns = Turns()

    @property
    def most(self) -> int:
        """Calls that may be in flight at once."""
        return int(self._slots.total_tokens)

    def bound(self, most: int) -> None:
        """Let so many calls out at once."""
        self._slots.total_tokens = most

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """Hold one of the slots for the length of a block; first come, first served."""
        async with self._slots:
            await self._turns.next()
            yield


@dataclass(slots=True, eq=False)
class _Lent(Generic[_C]):
    client: _C
    calls: int = 0


@dataclass(slots=True)
class Clients(Generic[_C]):
    """The clients of one endpoint: one, and more where so many calls are in flight.

    Args:
        make: Makes the first client.
        another: Makes one with connections of its own, and all else as the first has it.
    """

    make: Callable[[], Awaitable[_C]]
    another: Callable[[_C], _C]
    _lent: list[_Lent[_C]] = field(init=False, default_factory=list[_Lent[_C]])
    # Keeps the invariant that there is one first client, when first calls come together.
    _making: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    async def first(self) -> _C:
        """Return the client that all but crowds use, making it if this is the first use."""
        if not self._lent:
            async with self._making:
                if not self._lent:
                    self._lent.append(_Lent(await self.make()))
        return self._lent[0].client

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[_C]:
        """Lend a client for the length of one call."""
        first = await self.first()
        # Always the first that is free: its idle connections are used again.
        lent = next((one for one in self._lent if one.calls < CALLS_A_CLIENT), None)
        if lent is None:
            lent = _Lent(self.another(first))
            self._lent.append(lent)
        lent.calls += 1
        try:
            yield lent.client
        finally:
            lent.calls -= 1

    async def aclose(self) -> None:
        """Close their connections. No call may follow."""
        await close_all(lent.client.close for lent in self._lent)
