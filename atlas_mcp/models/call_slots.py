"""The calls that one process has in flight, and the client that carries them.

A process has a limited number of descriptors, and each call needs one for its connection.
`CallSlots` begins no more calls than there are descriptors for; the others wait their turn, which
costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel

from atlas_mcp.loop_turns import STEP_BACK_SECONDS, LoopTurns

MOST_CALLS = 1_000
"""Calls in flight at once, whatever the descriptors allow. Source: the connections that the
vendors' own clients open (anthropic 2.14.0, `DEFAULT_CONNECTION_LIMITS`)."""


@asynccontextmanager
async def slot_of(limiter: anyio.CapacityLimiter) -> AsyncGenerator[None]:
    """Hold one of a limiter's slots while the block runs; first come, first served.

    A free slot is taken at once. The limiter's own `async with` gives up a turn of the event loop
    even then, which takes longer than all else that is done for a slot.
    """
    await anyio.lowlevel.checkpoint_if_cancelled()
    try:
        limiter.acquire_nowait()
    except anyio.WouldBlock:
        await limiter.acquire()
    try:
        yield
    finally:
        limiter.release()


class _Client(Protocol):
    async def close(self) -> None: ...


_C = TypeVar("_C", bound=_Client)


class CallSlots:
    """The calls that a process has in flight, limited in number and begun one after the other.

    Args:
        most: Calls in flight at once.
    """

    def __init__(self, most: int = MOST_CALLS) -> None:
        self._slots = anyio.CapacityLimiter(most)
        self._turns = LoopTurns(steps_back=STEP_BACK_SECONDS)

    @property
    def most(self) -> int:
        """Calls that may be in flight at once."""
        return int(self._slots.total_tokens)

    def bound(self, most: int) -> None:
        """Set the number of calls that may be in flight at once."""
        self._slots.total_tokens = most

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """Hold one of the slots while the block runs; first come, first served."""
        async with slot_of(self._slots):
            await self._turns.next()
            yield


@dataclass(slots=True)
class OnFirstUse(Generic[_C]):
    """The client of an endpoint, made once, when the first call needs it.

    Args:
        make: Makes the client.
    """

    make: Callable[[], Awaitable[_C]]
    _made: _C | None = field(init=False, default=None)
    # Keeps the invariant that only one client is made, when first calls come together.
    _making: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    async def get(self) -> _C:
        """Return the client, making it if this is the first use."""
        if self._made is None:
            async with self._making:
                if self._made is None:
                    self._made = await self.make()
        return self._made

    async def aclose(self) -> None:
        """Close the client's connections. No call may follow."""
        if self._made is not None:
            await self._made.close()
