"""The seam to the store of records: append, read, list, and leases that say who drives a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from atlas_mcp.atlas.events import Record, StopCause
from atlas_mcp.atlas.outcomes import Status


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
class ListedRun:
    """One line of the list of runs.

    Attributes:
        run_id: Its id.
        opened_at: Unix seconds.
        updated_at: Unix seconds of the last record.
        status: As recorded; `running` for a run that has not finished, driven or not.
        workflow: Which policy runs.
        title: The beginning of the problem.
        size_bytes: What its records take, as they are stored.
        driven: Whether a live process holds its lease.
    """

    run_id: str
    opened_at: float
    updated_at: float
    status: Status
    workflow: str
    title: str
    size_bytes: int
    driven: bool


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task of the protocol, which stands for a run.

    Attributes:
        task_id: Whoever knows it may read and cancel the run: it is as good as a password.
        run_id: The run.
        created_at: Unix seconds.
    """

    task_id: str
    run_id: str
    created_at: float


class Journal(Protocol):
    """An append-only store of records. Safe for many tasks on one event loop.

    A caller that is cancelled while it waits has stored nothing, whatever it called; so nobody need
    shield a call to be sure of what became of it, and whoever bounds one in time waits no longer.

    Attributes:
        lease_seconds: Seconds without renewal after which its leases end.
    """

    lease_seconds: float

    async def open_run(self, run_id: str, first: Record) -> Lease:
        """Store the first record of a new run and claim it.

        Raises:
            JournalUnflushed: It is stored, but not on disk; nobody holds its lease.
            JournalError: Nothing was stored.
        """
        ...

    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        """Store records behind the last of their run; they are on disk when this returns.

        All of them are stored or none. A caller that is cancelled meanwhile waits only briefly: if
        the cancellation goes on nothing was stored, else it is told which of the two it was.

        Raises:
            JournalUnflushed: They are stored, but the disk has not taken them.
            JournalBusy: The lease is no longer the run's newest. Nothing was stored.
            JournalError: They would leave a hole or are there already, or the store takes nothing.
                Nothing was stored.
        """
        ...

    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        """Return the records of a run with `seq` above `after`, in order and without gaps.

        Where records are missing or unreadable, a `RecordLost` is in their place, one for a gap of
        any size, so that the rest can be shown; also where the one that opens the run is. A last
        record that was torn was being written, and is left out.

        Raises:
            UnknownRun: There is no such run.
            JournalNewer: A newer version wrote the run.
        """
        ...

    async def claim(self, run_id: str) -> Lease:
        """Return a new lease of a run that nobody drives.

        Raises:
            UnknownRun: There is no such run.
            JournalBusy: A live process drives it.
        """
        ...

    async def renew(self) -> tuple[Lease, ...]:
        """Prolong every lease this journal holds, and return those that are lost.

        A lease is lost once another process has claimed the run, or removed it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it has been lost."""
        ...

    async def is_driven(self, run_id: str) -> bool:
        """Return whether a live process holds the run's lease."""
        ...

    async def request_stop(self, run_id: str, cause: StopCause) -> None:
        """Ask whoever drives a run to stop it; the next claim forgets the request.

        Raises:
            UnknownRun: There is no such run.
        """
        ...

    async def stop_requests(self) -> Mapping[str, StopCause]:
        """Return who wants which of the runs stopped whose leases this journal holds."""
        ...

    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        """Return the newest runs, newest first; all of them without a limit."""
        ...

    async def add_task(self, task: TaskEntry) -> None:
        """Remember a task, for as long as its run is there."""
        ...

    async def find_task(self, task_id: str) -> TaskEntry | None:
        """Return a task, `None` if there is none of this id."""
        ...

    async def expired(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[ListedRun, ...]:
        """Return the runs beyond the limits, longest idle first; never one that is driven.

        Args:
            idle_since: Unix seconds; runs with no record since then are beyond. `None`: no limit.
            size_bytes: What the runs may take together: those that are driven, then the others,
                last changed first. Where that is used up, the rest are beyond. `None`: no limit.
        """
        ...

    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        """Remove runs for good, all their records and tasks, and give the space back.

        Others can write meanwhile: a few runs go at a time.

        Args:
            runs: As they were listed.

        Returns:
            Those that were removed: still there, not driven, and not changed since.
        """
        ...

    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        """Count US dollars that a run is about to commit, unless all runs would pass `cap`.

        However many processes ask at once, the sum of a day never passes the cap.

        Args:
            run_id: The run.
            day: The day, as `YYYY-MM-DD`.
            usd: US dollars.
            cap: US dollars that all runs may commit on that day; `None` counts them in any case.

        Returns:
            `None` if they are counted; else the US dollars that are left, and nothing changed:
            none where an amount of the day cannot be read.
        """
        ...

    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        """Count US dollars no longer that a run had reserved and does not need.

        Args:
            run_id: The run.
            day: The day to which they count; `None` for the newest first.
            usd: US dollars; of what the run has not committed, nothing is given back.
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

    async def aclose(self) -> None:
        """Release the store; leases still held are given back."""
        ...
