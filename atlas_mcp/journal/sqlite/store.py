"""The open files of one journal: one connection that writes, two that read.

Look-ups of single rows have a connection of their own, so that they do not wait for the records of
a run, which may be megabytes. Knows no table.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.opening import Place, connect, connect_to_read
from atlas_mcp.journal.sqlite.reader import Reader
from atlas_mcp.journal.sqlite.write_ahead_log import WriteAheadLog
from atlas_mcp.journal.sqlite.writer import Writer

logger = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite3"
"""Name of the file in `ATLAS_HOME`."""

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

COMMIT_TIMEOUT = 15.0
"""Seconds a change may wait to be taken: longer than `BUSY_TIMEOUT`."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Store:
    """The open files.

    Args:
        path: The database.
        records: Reads the records of runs, and lists of all runs.
        rows: Reads single rows; may be the same as `records`.
        writer: Writes; `None` where the files can only be read.
    """

    path: Path
    records: Reader
    rows: Reader
    writer: Writer | None

    async def write(
        self,
        change: Callable[[sqlite3.Connection], _T],
        *,
        durable: bool = True,
        alone: bool = False,
        grace: float = 0.0,
    ) -> _T:
        """Make a change, in one transaction with others that wait: see `Writer.write`.

        Raises:
            JournalUnflushed: The change is stored, but may be lost in a power cut.
            JournalError: Nothing of the change was stored.
        """
        if self.writer is None:
            raise JournalError(f"{self.path} can only be read at present")
        return await self.writer.write(change, durable=durable, alone=alone, grace=grace)

    async def aclose(self) -> None:
        """Close the files once all queries and writes have ended."""
        await self.records.aclose()
        if self.writer is None:
            return
        await self.rows.aclose()
        own = anyio.CapacityLimiter(1)
        # Abandoned if the disk does not answer: the files close with the process.
        closed = await anyio.to_thread.run_sync(
            self.writer.close, limiter=own, abandon_on_cancel=True
        )
        if not closed:
            logger.warning("%s is left open: its disk does not answer", self.path)


def open_store(
    folder: Path,
    opened: ExitStack,
    *,
    sync: Callable[[int], None] = os.fsync,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Open the files of a journal, and make missing ones.

    Args:
        folder: The folder of the files; made with mode 0700 if it is missing.
        opened: Closes the opened files if the caller fails.
        sync: Puts the written part of an open file on disk.
        clock: Unix seconds.

    Raises:
        JournalInUse: An older version still drives runs of the journal.
        JournalError: A newer version wrote the file.
        OSError: The folder or a file cannot be made.
        sqlite3.Error: The file is no database, or cannot be used.
    """
    path = folder / FILE_NAME
    connection = connect(path, busy_timeout=BUSY_TIMEOUT, clock=clock)
    opened.callback(connection.close)
    records = Reader(path, connect_to_read(path, busy_timeout=BUSY_TIMEOUT))
    opened.callback(records.connection.close)
    rows = Reader(path, connect_to_read(path, busy_timeout=BUSY_TIMEOUT))
    opened.callback(rows.connection.close)
    log = WriteAheadLog(path, sync)
    opened.callback(log.close)
    writer = Writer(connection, Place.of(path), log, COMMIT_TIMEOUT, BUSY_TIMEOUT)
    return Store(path, records, rows, writer)
