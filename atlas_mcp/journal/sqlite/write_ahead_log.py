"""Flushes of a write-ahead log, apart from the transactions that write to it.

A written transaction outlives its process at once; a flush is needed only against power cuts, and a
busy disk may take a second for it. So no change waits to be written while the log is being
flushed, and one flush serves all changes that were written before it began. The files are opened
once: a process that has no descriptor left must still be able to flush, and later on their names
may lead elsewhere, or nowhere.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from atlas_mcp.journal.sqlite.opening import open_there
from atlas_mcp.system.disk import flush_folder

logger = logging.getLogger(__name__)

WRITES_A_CHECKPOINT = 250
"""Transactions after which the log is moved into the database: some megabytes of records."""

MOVER_TIMEOUT = 5.0
"""Seconds for which moving the log waits for another process that recovers or moves it."""


@dataclass(slots=True)
class WriteAheadLog:
    """The write-ahead log of one database. Used by one thread at a time.

    Args:
        path: The database.
        sync: Puts the written part of an open file on disk.

    Raises:
        OSError: The log cannot be opened.
        sqlite3.Error: The database cannot be opened.
    """

    path: Path
    sync: Callable[[int], None] = os.fsync
    _descriptor: int | None = field(init=False, default=None)
    _moved: int = field(init=False, default=0)
    _mover: sqlite3.Connection | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        try:
            self._descriptor = os.open(f"{self.path}-wal", os.O_RDWR)
            # A file whose name is not on disk would be lost. Done here, since calls may have taken
            # every descriptor later.
            flush_folder(self.path.parent)
            self._mover = _open_mover(self.path)
        except FileNotFoundError:
            # A file system without write-ahead logs: each transaction flushes itself.
            self._descriptor = None
        except BaseException:
            self.close()
            raise

    def flush(self) -> None:
        """Return once every written change is on disk.

        Raises:
            OSError: The disk does not take it.
        """
        if self._descriptor is not None:
            self.sync(self._descriptor)

    def keep_short(self, written: int) -> None:
        """Move the log into the database now and then, apart from the transactions that add to it.

        Args:
            written: The number of transactions so far.
        """
        if self._mover is None or written - self._moved < WRITES_A_CHECKPOINT:
            return
        self._moved = written
        try:
            self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            logger.info("the log of the journal could not be moved: %s", error)

    def close(self) -> None:
        """Close the files, before the database is closed: some systems cannot remove open files."""
        if self._mover is not None:
            self._mover.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._mover, self._descriptor = None, None


def _open_mover(path: Path) -> sqlite3.Connection:
    """Return a connection that has already opened its files."""
    connection = open_there(path, busy_timeout=MOVER_TIMEOUT)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
