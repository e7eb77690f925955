"""The tokens of one context, shared by the calls under way; others wait in line for theirs."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio


@dataclass(frozen=True, slots=True)
class _Ticket:
    tokens: int
    admitted: anyio.Event = field(default_factory=anyio.Event)


class ContextShare:
    """The tokens of one context, shared by the calls under way.

    First in, first out; a call waits until its worst-case tokens are free: a call that overran the
    context would break off all others too.

    Args:
        tokens: The number of tokens.
        places: Most calls at once.
    """

    def __init__(self, tokens: int, places: int) -> None:
        self._tokens = tokens
        self._places = places
        self._all = tokens
        self._waiting: deque[_Ticket] = deque()

    @asynccontextmanager
    async def taken(self, tokens: int) -> AsyncGenerator[None]:
        """Hold a place and so many tokens for the length of a block, waiting for both."""
        ticket = _Ticket(min(tokens, self._all))
        self._waiting.append(ticket)
        self._admit()
        try:
            await ticket.admitted.wait()
            yield
        finally:
            if ticket.admitted.is_set():
                self._tokens += ticket.tokens
                self._places += 1
            else:
                self._waiting.remove(ticket)
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self._places and self._waiting[0].tokens <= self._tokens:
            ticket = self._waiting.popleft()
            self._tokens -= ticket.tokens
            self._places -= 1
            ticket.admitted.set()
