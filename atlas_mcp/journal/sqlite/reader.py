"""A connection that only reads, beside the one that writes, for one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from atlas_mcp.journal.sqlite.faults import Fault, journal_failure

_T = TypeVar("_T")


@dataclass(slots=True)
class Reader:
    """Runs queries on one file, one after the other.

    Args:
        path: The file, to be named in errors.
        connection: Opened to read. From here on it is used by this object alone.
    """

    path: Path
    connection: sqlite3.Connection
    # A limiter of its own, so that other work in threads does not count.
    _limiter: anyio.CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(1)

    async def ask(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a query while others may write to the file.

        Raises:
            JournalError: The file cannot be read.
        """

        def work() -> _T:
            try:
                return query(self.connection)
            except Fault as error:
                raise journal_failure(self.path, error) from error

        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def aclose(self) -> None:
        """Close the connection once the running query has ended."""
        await anyio.to_thread.run_sync(self.connection.close, limiter=self._limiter)
