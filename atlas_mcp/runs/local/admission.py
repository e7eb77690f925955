"""How many runs this process carries at once, and the line of those that wait for a place.

A run takes connections, and so descriptors, and memory. `Capacity` says how much of each there is;
`Line` gives out the places, first come, first served. A run in line is on record and has spent
nothing; it holds no descriptor and no connection.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import anyio

from atlas_mcp.config.settings import DEFAULT_MAX_RUNS
from atlas_mcp.models.call_slots import MOST_CALLS
from atlas_mcp.models.turns import Turns
from atlas_mcp.system.limits import raise_open_files
from atlas_mcp.system.memory import memory_bytes

OWN_FILES = 64
"""Descriptors that are neither a call's nor a client's: the journal, its log and its flushes, the
listeners, standard streams, pictures and modules that are being read."""

FILES_A_CALL = 1.5
"""Descriptors for each call that may be in flight: its connection, and its part of those that are
idle or being closed. Measured: with 128 calls in flight, 40 others were open."""

RUN_BYTES = 1_000_000
"""Bytes of memory that a place takes: three times what a run of eight calls takes
(`benchmarks/load.py`), since problems and candidates may be longer."""

MEMORY_SHARE = 2
"""Runs take at most one part in this many of the memory."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one process bears at once.

    Attributes:
        runs: Runs that are driven; the others wait in line.
        calls: Calls in flight of all runs; the others wait for a connection.
        clients: Connections of clients that are served over HTTP; the others wait to be accepted.
    """

    runs: int = DEFAULT_MAX_RUNS
    calls: int = MOST_CALLS
    clients: int = 0

    @classmethod
    def of_this_process(cls, max_runs: int, *, serves: bool = False) -> Capacity:
        """Return what the limits of this process allow; that of open files is raised first.

        Args:
            max_runs: The operator's own limit.
            serves: Whether clients connect to it: half of the descriptors are then theirs.
        """
        return capacity_of(raise_open_files(), memory_bytes(), max_runs=max_runs, serves=serves)


def capacity_of(files: int, memory: int | None, *, max_runs: int, serves: bool) -> Capacity:
    """Return what so many descriptors, and so many bytes of memory, allow.

    A run has at least one call in flight when it works, so there are no more runs than calls: one
    that waits for a connection would wait within its time limit.
    """
    free = max(2, files - OWN_FILES)
    clients = free // 2 if serves else 0
    calls = max(1, min(MOST_CALLS, int((free - clients) / FILES_A_CALL)))
    runs = min(max_runs, calls)
    if memory is not None:
        runs = min(runs, memory // MEMORY_SHARE // RUN_BYTES)
    return Capacity(max(1, runs), calls, clients)


@dataclass(slots=True)
class Line:
    """Places for runs, and those that wait for one in the order in which they came.

    Args:
        places: How many runs have one at once.
    """

    places: int
    _taken: int = field(init=False, default=0)
    _last: int = field(init=False, default=0)
    # Tickets only rise, so that the list is sorted: a ticket's index is its place in line.
    _tickets: list[int] = field(init=False, default_factory=list[int])
    _bells: dict[int, anyio.Event] = field(init=False, default_factory=dict[int, anyio.Event])
    _turns: Turns = field(init=False, default_factory=Turns)

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
        """Give up a place, or leave the line; the first in line takes a place that is free."""
        if self._bells.pop(ticket.number, None) is not None:
            del self._tickets[bisect_left(self._tickets, ticket.number)]
            return
        self._taken -= 1
        while self._tickets and self._taken < self.places:
            self._taken += 1
            self._bells.pop(self._tickets.pop(0)).set()

    def ahead_of(self, ticket: Ticket) -> int | None:
        """Return how many wait before it; `None` for one that has its place."""
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
        """Where it stands in line, for people; `None` once it has its place."""
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
