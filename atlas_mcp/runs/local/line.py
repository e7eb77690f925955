"""The line of runs that wait for a place in this process: first come, first served.

A run in line is on record and has spent nothing. It holds no descriptor and no connection.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import anyio

from atlas_mcp.loop_turns import LoopTurns


@dataclass(slots=True)
class Line:
    """Places for runs, and the runs that wait for one, in order of arrival.

    Args:
        places: The number of places.
    """

    places: int
    _taken: int = field(init=False, default=0)
    _last: int = field(init=False, default=0)
    # Ticket numbers only rise, so the list is sorted: a ticket's index is its place in line.
    _tickets: list[int] = field(init=False, default_factory=list[int])
    _bells: dict[int, anyio.Event] = field(init=False, default_factory=dict[int, anyio.Event])
    _turns: LoopTurns = field(init=False, default_factory=LoopTurns)

    def take(self) -> Ticket:
        """Take a place, or the last one in line."""
        self._last += 1
        ticket = Ticket(self, self._last)
        if self._taken < self.places and not self._tickets:
            self._taken += 1
        else:
            self._tickets.append(ticket.number)
            self._bells[ticket.number] = anyio.Event()
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """Give up a place, or leave the line; the first in line takes a free place."""
        if self._bells.pop(ticket.number, None) is not None:
            del self._tickets[bisect_left(self._tickets, ticket.number)]
            return
        self._taken -= 1
        while self._tickets and self._taken < self.places:
            self._taken += 1
            self._bells.pop(self._tickets.pop(0)).set()

    def ahead_of(self, ticket: Ticket) -> int | None:
        """Return the number of tickets that wait before `ticket`; `None` once it has its place."""
        if ticket.number not in self._bells:
            return None
        return bisect_left(self._tickets, ticket.number)

    async def wait(self, ticket: Ticket) -> None:
        """Return once it has its place, and may begin."""
        bell = self._bells.get(ticket.number)
        if bell is not None:
            await bell.wait()
        await self._turns.next()


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run's claim to a place."""

    line: Line
    number: int

    @property
    def where(self) -> str | None:
        """A text on the run's position in line, for people; `None` once it has its place."""
        ahead = self.line.ahead_of(self)
        if ahead is None:
            return None
        return f"waiting in line, {ahead} before it ({self.line.places} at once in this process)"

    async def admitted(self) -> None:
        """Return once it has its place, and may begin."""
        await self.line.wait(self)

    def give_back(self) -> None:
        """Give up the place, or leave the line. Once only."""
        self.line.give_back(self)
