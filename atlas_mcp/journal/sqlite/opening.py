"""Opening the journal's file, and noticing when another file has taken its place.

Records that are written to a file after it was removed or replaced are lost, and SQLite does not
notice. So at each transaction the files under the journal's names are compared with those that were
opened, and their lengths with earlier ones (`file_lengths`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.columns import decode
from atlas_mcp.journal.sqlite.file_lengths import FileLengths
from atlas_mcp.journal.sqlite.space import prepare
from atlas_mcp.journal.sqlite.tables import migrate

WAL_RETRY_SECONDS = 0.01
"""Seconds between tries to switch a new file to its write-ahead log."""

LOG_PAGES = 10_000
"""Pages of the log (40 MB) at which a transaction moves it into the database itself: ten times
SQLite's own figure, since that is done beside the transactions long before."""


@dataclass(frozen=True, slots=True)
class Place:
    """The files that were opened, by their names.

    Attributes:
        path: The database.
        identities: Device and inode number of the database, its log and the log's index, by name.
        lengths: The lengths of these files.
    """

    path: Path
    identities: Mapping[str, tuple[int, int]]
    lengths: FileLengths

    @classmethod
    def of(cls, path: Path) -> Place:
        """Return the place of an open database, which has its log beside it."""
        names = [f"{path}{suffix}" for suffix in ("", "-wal", "-shm")]
        # Without a write-ahead log only the first of them exists.
        found = {name: found for name in names if (found := _identity(name))}
        return cls(path, found, FileLengths(path))

    def check_lengths(self, connection: sqlite3.Connection) -> None:
        """Do nothing as long as no file was cut short. Not within a transaction.

        Raises:
            JournalError: A file was cut short, or another file is in its place.
            sqlite3.Error: The files cannot be read.
        """
        if self.lengths.are_less:
            self.check()
            self.lengths.check(connection)

    def check(self) -> None:
        """Do nothing as long as the names lead to the files that were opened.

        Raises:
            JournalError: The names lead to other files, or to none.
        """
        for name, opened in self.identities.items():
            if (found := _identity(name)) != opened:
                what = "replaced by another file" if found else "removed"
                raise JournalError(
                    f"{name} was {what} while the journal was in use, so nothing is stored any "
                    "more; put it back if you can, end every process of atlas-mcp, and start again"
                )


def connect(
    path: Path, *, busy_timeout: float, clock: Callable[[], float] = time.time
) -> sqlite3.Connection:
    """Open the journal to be written, and make it or bring it up to date first.

    Args:
        path: The file. It is made with mode 0600, its folder with 0700.
        busy_timeout: Seconds to wait for another process's transaction.
        clock: Unix seconds.

    Raises:
        JournalInUse: An older version still drives runs of the journal.
        JournalError: A newer version wrote the file.
        OSError: The folder or the file cannot be made.
        sqlite3.Error: It is no database, or cannot be used.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(path)
    connection = _open(path, busy_timeout)
    try:
        prepare(connection)
        _write_ahead(connection, busy_timeout)
        migrate(connection, path, clock=clock)
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        # The log is flushed apart from its transactions (`write_ahead_log`).
        connection.execute("PRAGMA synchronous = NORMAL")
        # Avoids a further file, which a full disk or an exhausted limit would refuse.
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, *, busy_timeout: float) -> sqlite3.Connection:
    """Open the journal a second time, so that reading does not wait for writing.

    Raises:
        sqlite3.Error: It cannot be used.
    """
    connection = _open(path, busy_timeout)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        # Opens the files now: later there may be no descriptor left for them.
        connection.execute("SELECT 1 FROM runs LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def address(path: Path, parameters: str) -> str:
    """Return the address of a file for SQLite, the only form that takes parameters."""
    # Quoted as a whole, since the name of a Windows share would be taken for a host.
    name = quote(os.fsencode(path.absolute()), safe="")
    return f"file:{name}?{parameters}"


def open_there(path: Path, *, busy_timeout: float) -> sqlite3.Connection:
    """Open an existing database. SQLite itself would make a missing one, empty and readable by all.

    Raises:
        sqlite3.Error: The database does not exist, or cannot be opened.
    """
    return sqlite3.connect(
        address(path, "mode=rw"),
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )


def _open(path: Path, busy_timeout: float) -> sqlite3.Connection:
    connection = open_there(path, busy_timeout=busy_timeout)
    # Text of one run that is no UTF-8 would fail the list of all of them.
    connection.text_factory = decode
    return connection


def _create(path: Path) -> None:
    """Make the file with its mode if it does not exist.

    An existing file is not opened: closing it would drop the locks that other connections of this
    process have on it.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if not path.is_dir() and path.exists() and not path.is_file():
            raise JournalError(
                f"the journal {path} cannot be opened: it is no regular file; move it away, or "
                "set ATLAS_HOME to another folder"
            ) from None


def _write_ahead(connection: sqlite3.Connection, busy_timeout: float) -> None:
    """Switch to a write-ahead log, for which SQLite itself does not wait for other processes."""
    until = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - at each transaction, so the quickest there is
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
