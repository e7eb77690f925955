"""Reading a journal where nothing can be written: on a full disk, or one mounted read-only.

So is one that an older version still uses, whose tables may not be changed yet.

SQLite keeps the index of a write-ahead log in a file, and so cannot open a sound journal there. A
connection that holds the database alone keeps the index in memory instead; on a read-only disk
there is no other process that it could keep out. Every write is refused, and a file of an older
version stays as it is.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from atlas_mcp.errors import JournalError, JournalInUse, JournalNewer
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.columns import decode
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.opening import address
from atlas_mcp.journal.sqlite.reader import Reader
from atlas_mcp.journal.sqlite.store import BUSY_TIMEOUT, FILE_NAME, Store
from atlas_mcp.journal.sqlite.tables import stand_in
from atlas_mcp.system.disk import is_read_only

logger = logging.getLogger(__name__)

_NUMBERS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO")
    if hasattr(errno, name)
}
"""Numbers of the operating system's errors for a file that takes no writes."""

_NAMES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
"""Beginnings of SQLite's names of such errors."""

_ALONE = "PRAGMA locking_mode = EXCLUSIVE"
"""Makes SQLite keep the index of the log in memory."""


@dataclass(slots=True)
class ReadOnlyJournal(SqliteJournal):
    """A journal that can only be read, also one of an older version.

    Raises:
        JournalError: The journal cannot be read either, or a newer version wrote it.
    """

    @override
    def _open(self, opened: ExitStack, owner: str) -> Store:
        path = self.folder / FILE_NAME
        reader = Reader(path, _connect(path))
        return Store(path, reader, reader, writer=None)


def open_to_read(folder: Path) -> Journal:
    """Open a journal to show its runs; if it takes no writes, log a warning and open it read-only.

    Raises:
        JournalError: The journal cannot be read.
    """
    try:
        return SqliteJournal(folder)
    except JournalError as error:
        is_to_wait = isinstance(error, JournalInUse)
        takes_no_writes = is_to_wait or _takes_no_writes(error.__cause__)
        if not takes_no_writes or not (folder / FILE_NAME).exists():
            raise
        try:
            journal = ReadOnlyJournal(folder)
        except JournalNewer:
            raise
        except JournalError:
            raise error from error.__cause__
        logger.warning("nothing can be recorded now, and what is stored is shown: %s", error)
        return journal


def _takes_no_writes(cause: BaseException | None) -> bool:
    if isinstance(cause, OSError):
        return cause.errno in _NUMBERS
    return isinstance(cause, sqlite3.Error) and (cause.sqlite_errorname or "").startswith(_NAMES)


def _connect(path: Path) -> sqlite3.Connection:
    """Return the first connection that reads the file.

    Raises:
        sqlite3.Error: No connection can read it.
    """
    failure: sqlite3.Error = sqlite3.OperationalError("it takes no writes")
    for parameters, setting in _ways(path):
        try:
            return _open(path, parameters, setting)
        except sqlite3.Error as error:
            failure = error
    raise failure


def _ways(path: Path) -> Generator[tuple[str, str]]:
    """Yield the parameters of a connection and its first statement, the safest ones first."""
    yield "mode=ro", ""
    yield "mode=rw", _ALONE
    if not is_read_only(path):
        return
    log = Path(f"{path}-wal")
    if not log.exists() or not log.stat().st_size:
        yield "immutable=1", ""
    # Such a disk refuses locks, and no process can change a file on it.
    yield "mode=ro&vfs=unix-none", _ALONE
    yield "mode=ro&vfs=win32-none", _ALONE


def _open(path: Path, parameters: str, setting: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address(path, parameters),
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        if setting:
            connection.execute(setting)
        connection.text_factory = decode
        connection.execute("PRAGMA temp_store = MEMORY")
        stand_in(connection, path)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM runs LIMIT 1").fetchall()
    except BaseException:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return connection
