"""Whether the processes behind the rows of clients still live.

Such rows have no lease that ends. Where processes have locks (`process_locks`), the lock tells;
where the file system knows none, a process counts as alive for a while from its row's last change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.journal.sqlite.process_locks import has_ended

UNKNOWN_SECONDS = 3600.0
"""Seconds from the last change of its row for which a process counts as alive without locks: longer
than most runs take."""


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
