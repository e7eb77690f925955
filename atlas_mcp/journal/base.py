"""The seam to the store of runs, in nine parts.

Records, leases, index, tasks and spending are here; callers, drivers and patience are in `clients`,
and search in `search`. A `Journal` is all nine; its users ask for the parts that they need.
Spending is a part of its own: amounts outlive their runs, belong to a day and are added up over all
runs of a home. Only `Records` knows events; the other parts store plain values. Stores are in the
folders beside this module, and their conformance suites in `atlas_mcp.testing.journal_conformance`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from atlas_mcp.atlas.events import Record, StopCause
from atlas_mcp.journal.clients import Callers, Drivers, Patience
from atlas_mcp.journal.listed import ListedRun as ListedRun
from atlas_mcp.journal.search import Search


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to append to one run.

    Attributes:
        run_id: The run.
        fence: Rises with every claim; an append under an older one is refused.
    """

    run_id: str
    fence: int


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """A request of another process to the one that drives a run.

    Attributes:
        cause: The cause for which the run is to stop; `None`: a stop for the cause `client` is to
            be lifted.
        grace: Seconds that calls in flight get before they are broken off.
    """

    cause: StopCause | None
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class RunProgress:
    """News of a run that is followed.

    Attributes:
        records: The added records, in order.
        driven: Whether a live process still held the lease just before they were read.
    """

    records: tuple[Record, ...]
    driven: bool


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task of the protocol, which stands for a run.

    Attributes:
        task_id: Its id, to be kept like a password: with it, a client reads and cancels the run.
        run_id: The run.
        created_at: Unix seconds.
    """

    task_id: str
    run_id: str
    created_at: float


class Records(Protocol):
    """The records of runs. They are only ever added to."""

    async def open_run(self, run_id: str, first: Record) -> Lease:
        """Store the first record of a new run and claim the run.

        Raises:
            RunExists: A run has this id already. It is unchanged.
            JournalUnflushed: The record is stored, but not on disk; the run has no lease.
            JournalError: Nothing was stored.
        """
        ...

    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        """Store records behind the last of their run; they are on disk when this returns.

        All of them are stored or none, and those of several calls in the order of the calls, also
        where the later does not wait for the earlier. A cancelled caller waits only briefly: if the
        cancellation is raised, nothing was stored; else the outcome is returned or raised as usual.

        Raises:
            JournalUnflushed: The records are stored, but the disk has not taken them.
            JournalBusy: The lease is no longer the run's newest. Nothing was stored.
            JournalError: The records would leave a hole or are there already, or the store cannot
                be written. Nothing was stored.
        """
        ...

    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        """Return the records of a run with `seq` above `after`, in order and without gaps.

        Where records are missing or unreadable, a `RecordLost` is in their place, one for a gap of
        any size, so that the rest can be shown; this includes the record that opens the run. A torn
        last record was being written, and is left out.

        Raises:
            UnknownRun: There is no such run.
            JournalNewer: A newer version wrote the run.
        """
        ...

    def follow(self, run_id: str, *, after: int) -> AsyncGenerator[RunProgress]:
        """Return the news of a run as they come, until no process drives it any more.

        Stored records come at once. An append of this process wakes its followers; an append of
        another process is seen within a moment. The last news has `driven` false. Close the
        generator if you leave it early.

        Raises:
            UnknownRun: There is no such run, or it was removed.
            JournalError: The run cannot be read.
        """
        ...


class Leases(Protocol):
    """Which process drives which run, and the requests of others to that process.

    Attributes:
        lease_seconds: Seconds without renewal after which the leases of this process end.
    """

    lease_seconds: float

    async def claim(self, run_id: str) -> Lease:
        """Return a new lease of a run that no process drives.

        Raises:
            UnknownRun: There is no such run.
            JournalBusy: A live process drives it.
        """
        ...

    async def renew(self) -> tuple[Lease, ...]:
        """Prolong every lease that this process holds, and return those that are lost.

        A lease is lost once another process has claimed the run, or removed it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it has been lost."""
        ...

    async def is_driven(self, run_id: str) -> bool:
        """Return whether a live process holds the run's lease.

        Raises:
            UnknownRun: There is no such run.
        """
        ...

    async def request_stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        """Ask the process that drives a run to stop it.

        The newest request replaces an earlier one, but none of a user; the next claim clears it.

        Args:
            run_id: The run.
            cause: The cause of the stop.
            grace: Seconds that calls in flight get.

        Raises:
            UnknownRun: There is no such run.
        """
        ...

    async def request_lift(self, run_id: str) -> None:
        """Ask the process that drives a run to lift a stop for the cause `client`.

        The newest request replaces an earlier one, but none of a user; the next claim clears it.

        Raises:
            UnknownRun: There is no such run.
        """
        ...

    async def take_requests(self) -> Mapping[str, LiveRequest]:
        """Return the requests for runs that this process drives, by run, each of them once."""
        ...


class RunIndex(Protocol):
    """The list of runs. It reads no record."""

    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        """Return the newest runs, newest first; all of them without a limit."""
        ...

    async def expired(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[ListedRun, ...]:
        """Return the runs outside the limits, longest idle first; never one that is driven.

        Args:
            idle_since: Unix seconds; runs with no record since then have expired. `None`: no limit.
            size_bytes: The space that all runs may take. Driven runs count first, then the others,
                last changed first; those that do not fit have expired. `None`: no limit.
        """
        ...

    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        """Remove runs for good, with their records and tasks, and give the space back.

        Runs are removed a few at a time, so that other processes can write meanwhile.

        Args:
            runs: The runs, as they were listed.

        Returns:
            The ids of the removed runs. Runs that are driven, gone, or changed since they were
            listed are not removed.
        """
        ...


class Tasks(Protocol):
    """The tasks of the protocol, each of which stands for a run."""

    async def add_task(self, task: TaskEntry) -> None:
        """Store a task, for as long as its run is there."""
        ...

    async def find_task(self, task_id: str) -> TaskEntry | None:
        """Return the task with this id, `None` if there is none."""
        ...


class Spending(Protocol):
    """The US dollars that runs have committed on each day, for a cap over all of them."""

    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        """Count US dollars that a run is about to commit, unless all runs would pass `cap`.

        The sum of a day never passes the cap, even if many processes ask at once.

        Args:
            run_id: The run.
            day: The day, as `YYYY-MM-DD`.
            usd: US dollars.
            cap: US dollars that all runs may commit on that day; `None` counts them in any case.

        Returns:
            `None` if they are counted; else the US dollars that are left, with nothing changed:
            zero where an amount of the day cannot be read.
        """
        ...

    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        """Give back US dollars that a run has reserved and does not need.

        Args:
            run_id: The run.
            day: The day to which they count; `None` for the newest first.
            usd: US dollars; at most those that the run has committed are given back.
        """
        ...

    async def spending_of(self, run_id: str) -> Decimal | None:
        """Return the US dollars that one run has committed, on all days; `None` if unknown."""
        ...

    async def spending(self, day: str) -> Decimal | None:
        """Return the US dollars that all runs have committed on a day: spent, or held for calls.

        `None` where an amount cannot be read.
        """
        ...


class EngineJournal(Records, Leases, Spending, Protocol):
    """The parts of a store that an engine uses: it lists no runs, and knows no clients."""


class Journal(EngineJournal, RunIndex, Tasks, Callers, Drivers, Patience, Search, Protocol):
    """All parts of one store. Safe for many tasks on one event loop.

    A caller that is cancelled while it waits has stored nothing, so no call needs a shield. See
    `append` for its details.
    """

    async def aclose(self) -> None:
        """Close the store; leases still held are given back."""
        ...
