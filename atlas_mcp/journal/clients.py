"""The parts of the seam that know of clients: callers, drivers, patience; and their values.

A server answers a client, and a driver process carries out its runs, also when the server has
ended. Both act on the values that are stored here. `base` adds the parts that know of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, Protocol, TypeAlias

CallerState: TypeAlias = Literal["waiting", "promised", "cut", "received"]
"""`waiting`: its process waits for the run. `promised`: it was told that the run goes on. `cut`:
its client cancelled it. `received`: the end of the run was handed over, or a user ended the run."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A tool call that waits for a run.

    Attributes:
        caller_id: Random.
        run_id: The run.
        digest: Of the request: equal digests are identical requests. An empty one equals none.
        asked_at: Unix seconds.
    """

    caller_id: str
    run_id: str
    digest: str
    asked_at: float


@dataclass(frozen=True, slots=True)
class DriverEntry:
    """A process that drives runs for a server.

    Attributes:
        owner: Its name in leases.
        pid: Its process id.
        version: The version of atlas-mcp that it runs.
        started_at: Unix seconds.
        alone_since: Unix seconds since when its server is gone; `None` while there is one.
    """

    owner: str
    pid: int
    version: str
    started_at: float
    alone_since: float | None


class Callers(Protocol):
    """The tool calls that wait for runs, each in the process that stored it.

    Process locks show whether that process still lives. Where the file system knows no locks, a
    process counts as alive for an hour from the caller's last change.
    """

    async def join(self, caller: Caller, *, after_cut: bool, since: float) -> str | None:
        """Store a caller, under the run of an identical earlier one if that run can be joined.

        One transaction: of several processes that ask at once one opens a run, and the others
        join it. The newest caller with the same digest is looked at first. A caller whose run was
        never opened is removed once its process is gone.

        Args:
            caller: The caller; it waits from now on.
            after_cut: Join only a run whose identical caller was cut off, or waited in a process
                that is gone; that caller is used up, so one other joins it. Otherwise a run is
                joined if a caller waits for it in a live process (it may not be open yet), if it is
                driven, or if it was answered, cancelled or interrupted; not if an identical caller
                has received its end.
            since: Unix seconds. A run that is not driven, and for which no caller waits, can be
                joined only if it or the identical caller has changed since then.

        Returns:
            The id of the run that was joined; `None` where the caller is to open its own.
        """
        ...

    async def mark(self, caller_id: str, state: CallerState) -> None:
        """Store the state of a caller; `received` is final, and an unknown caller ignored."""
        ...

    async def drop(self, caller_id: str) -> None:
        """Remove a caller whose run was not opened."""
        ...

    async def receive(self, run_id: str, *, until: float = inf) -> None:
        """Mark the callers of a run as `received`.

        Args:
            run_id: The run.
            until: Unix seconds; callers that asked later are left as they are.
        """
        ...

    async def wanted(self, run_ids: Sequence[str], *, promises: bool) -> Mapping[str, bool]:
        """Return for each run that has callers whether one of them still wants it.

        A caller wants its run while it waits in a live process, and once it was promised.

        Args:
            run_ids: The runs. Those without callers are left out of the answer.
            promises: Whether a promise counts also after the process that gave it is gone.
        """
        ...


class Drivers(Protocol):
    """The processes that drive runs for servers."""

    async def announce_driver(self, pid: int, version: str) -> None:
        """Store that this process drives runs for a server that is there."""
        ...

    async def note_alone(self) -> None:
        """Store that the server of this process is gone since now."""
        ...

    async def drivers(self) -> tuple[DriverEntry, ...]:
        """Return the drivers that live, oldest first."""
        ...


class Patience(Protocol):
    """The time that clients waited for an answer before they cancelled their request."""

    async def note_cut(self, client: str, seconds: float) -> None:
        """Store that a client cancelled a request after so many seconds, now."""
        ...

    async def cuts(self, client: str, *, since: float) -> tuple[float, ...]:
        """Return after how many seconds a client cancelled its requests, the newest first.

        Args:
            client: Its name.
            since: Unix seconds; earlier ones are left out. At most ten a client are kept.
        """
        ...
