"""Lengths of the journal's files, to notice one that was cut short while it was open.

SQLite does not notice: it goes on writing behind the end that it remembers, and everything behind
such a hole in the log is lost once the last process has ended. A file may become shorter in order
as well: a checkpoint of another program empties the log, and free pages are cut off the database.
So a file that is shorter than it was is compared with the content that it must have. Used by the
thread that writes.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from atlas_mcp.errors import JournalError

LOG_HEADING_BYTES = 32
"""Bytes before the first frame of a log. Source: https://sqlite.org/fileformat2.html#walformat"""

FRAME_HEADING_BYTES = 24
"""Bytes before the page in each frame of a log. Source: as above."""


class FileLengths:
    """The last known lengths of one database's files.

    Args:
        path: The database, which is open; its log is beside it where it has one.
    """

    def __init__(self, path: Path) -> None:
        self._database = str(path)
        self._log = f"{path}-wal"
        self._found: str | None = None
        self._bytes: dict[str, int] = {}
        self.remember()

    def remember(self) -> None:
        """Remember the present lengths, which are right: a transaction has just been written."""
        for name in (self._database, self._log):
            # The transaction is stored, whether or not its file can be measured.
            with suppress(OSError):
                if (length := _length(name)) is not None:
                    self._bytes[name] = length

    @property
    def are_less(self) -> bool:
        """Whether a file is shorter than it was."""
        return self._is_shorter(self._log) or self._is_shorter(self._database)

    def check(self, connection: sqlite3.Connection) -> None:
        """Do nothing as long as no file was cut short. Not within a transaction.

        Raises:
            JournalError: A file was cut short; nothing may be written behind its end, now or later.
            sqlite3.Error: The files cannot be read.
        """
        for name, holds in ((self._log, _holds_log), (self._database, _holds_pages)):
            if self._found is None and self._is_shorter(name) and not holds(connection, name):
                self._found = name
        if self._found is not None:
            raise JournalError(
                f"{self._found} was cut short while the journal was in use, so nothing is stored "
                "any more; end every process of atlas-mcp, put a backup in place if there is one, "
                "and start again: what was stored last may be lost"
            )

    def _is_shorter(self, name: str) -> bool:
        length = _length(name)
        return length is not None and length < self._bytes.get(name, 0)


def _holds_log(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a log holds every frame that readers and writers look for in it."""
    try:
        busy, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_IOERR_SHORT_READ":
            raise
        return False
    if busy:
        # Another process is moving the log; the next transaction checks again.
        return True
    frame = FRAME_HEADING_BYTES + _number(connection, "page_size")
    # Measured after the count was read: frames are in the file before they are counted.
    length = _length(name)
    return length is None or frames <= 0 or length >= LOG_HEADING_BYTES + frames * frame


def _holds_pages(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a database has all its pages, in its file or its log; this reads them all."""
    length = _length(name)
    needed = _number(connection, "page_count") * _number(connection, "page_size")
    if length is None or length >= needed:
        return True
    # Pages in memory would hide missing ones.
    connection.execute("PRAGMA shrink_memory")
    try:
        return connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR")):
            return False
        raise


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def _length(name: str) -> int | None:
    """Return the bytes of a file; `None` where there is none, which `Place` reports."""
    try:
        return os.stat(name).st_size  # noqa: PTH116 - at each transaction, so the quickest there is
    except (FileNotFoundError, NotADirectoryError):
        return None
