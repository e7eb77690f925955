"""Putting a write-ahead log on disk, apart from the transactions that write to it.

What has been written outlives its process at once; flushing it is for machines that lose their
power, and a busy disk may take a second over it. So nothing is kept waiting to be written while the
log is being flushed, and one flush serves all that was written before it began.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from atlas_mcp.errors import JournalError
from atlas_mcp.system.disk import flush_folder

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT = 15.0
"""Seconds a flush is waited for, cancelled or not."""

WRITES_A_CHECKPOINT = 250
"""Transactions after which the log is moved into the database: some megabytes of records."""


@dataclass(slots=True)
class Flusher:
    """Flushes the log of one database.

    Args:
        path: The database.
        sync: Puts what was written to an open file on disk.
    """

    path: Path
    sync: Callable[[int], None] = os.fsync
    _written: int = field(init=False, default=0)
    _flushed: int = field(init=False, default=0)
    _moved: int = field(init=False, default=0)
    _entered: bool = field(init=False, default=False)
    _under_way: anyio.Event | None = field(init=False, default=None)

    def wrote(self) -> None:
        """Note that a transaction has been written. Called by its thread, one at a time."""
        self._written += 1

    async def flush(self) -> None:
        """Return once all that has been written is on disk.

        Raises:
            JournalError: The disk does not take it.
        """
        wanted = self._written
        with anyio.move_on_after(FLUSH_TIMEOUT, shield=True):
            while self._flushed < wanted:
                if self._under_way is None:
                    await self._lead()
                else:
                    await self._under_way.wait()
        if self._flushed < wanted:
            raise JournalError(f"{self.path} was not on disk within {FLUSH_TIMEOUT:.0f} s")

    async def _lead(self) -> None:
        """Flush for all who wait."""
        done = self._under_way = anyio.Event()
        try:
            self._flushed = await anyio.to_thread.run_sync(self._flush)
        finally:
            self._under_way = None
            done.set()

    def _flush(self) -> int:
        """Return how many transactions are on disk now."""
        written = self._written
        try:
            log = os.open(f"{self.path}-wal", os.O_RDWR)
        except FileNotFoundError:
            # A file system without write-ahead logs: each transaction has flushed itself.
            return written
        try:
            self.sync(log)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be put on disk: {error}") from error
        finally:
            os.close(log)
        self._enter()
        if written - self._moved >= WRITES_A_CHECKPOINT:
            self._moved = written
            self._checkpoint()
        return written

    def _enter(self) -> None:
        """Put the names of the database and its log on disk, once: a file without one is lost."""
        if not self._entered:
            flush_folder(self.path.parent)
            self._entered = True

    def _checkpoint(self) -> None:
        """Move the log into the database, beside whoever is writing to it."""
        try:
            with closing(sqlite3.connect(self.path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            logger.info("the log of the journal could not be moved: %s", error)
