"""Whether the processes behind leases, and those behind the rows of clients, still live.

A lease ends with its time, or with its process (`process_locks`). Rows of clients have no such
time. Where processes have locks, the lock tells; where the file system knows none, a process counts
as alive for a while from its row's last change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.journal.sqlite.process_locks import has_ended, is_alive, is_dead

LEASE_SECONDS = 15.0
"""Seconds without renewal after which a run counts as interrupted."""

LEASES_AHEAD = 2
"""A lease that ends later than this many lease times from now was taken under another clock."""

UNKNOWN_SECONDS = 3600.0
"""Seconds from the last change of its row for which a process counts as alive without locks: longer
than most runs take."""


def is_lease_live(
    folder: Path,
    owner: str | None,
    *,
    until: float,
    now: float,
    lease_seconds: float = LEASE_SECONDS,
) -> bool:
    """Return whether a lease has not ended and its owner has not died.

    Args:
        folder: `ATLAS_HOME`, which holds the locks of processes.
        owner: The name of the process that took the lease; `None` if it was given back.
        until: The end of the lease, in Unix seconds.
        now: Unix seconds.
        lease_seconds: The time of a lease, if it is longer than usual.
    """
    left = until - now
    if owner is None or left <= 0:
        return False
    if left > LEASES_AHEAD * max(lease_seconds, LEASE_SECONDS):
        # The clock was set back since, or the time is damaged: a live owner renews in seconds.
        return is_alive(folder, owner)
    return not is_dead(folder, owner)


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one home.

    Attributes:
        folder: `ATLAS_HOME`, which holds the locks of processes.
        owner: The name of this process.
        clock: Unix seconds.
        has_locks: Whether the file system of the folder knows locks.
    """

    folder: Path
    owner: str
    clock: Callable[[], float]
    has_locks: bool

    def lives(self, owner: str, since: float) -> bool:
        """Return whether a process lives.

        Args:
            owner: Its name.
            since: The last change of its row, in Unix seconds.
        """
        if owner == self.owner:
            return True
        if self.has_locks:
            return not has_ended(self.folder, owner)
        return self.clock() - since < UNKNOWN_SECONDS
