"""Reading a journal where nothing can be written: on a full disk, or one mounted read-only.

SQLite keeps the index of a write-ahead log in a file, and so cannot open a sound journal there. A
connection that holds the database alone keeps the index in memory instead; on a disk that nobody
can write to there is nobody to be kept out. Whatever would write is refused.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.faults import Fault, opening_failure
from atlas_mcp.journal.sqlite.journal import BUSY_TIMEOUT, FILE_NAME, SqliteJournal
from atlas_mcp.journal.sqlite.opening import address
from atlas_mcp.journal.sqlite.reader import Reader
from atlas_mcp.journal.sqlite.tables import FILE_VERSION
from atlas_mcp.system.disk import is_read_only

logger = logging.getLogger(__name__)

_NUMBERS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO")
    if hasattr(errno, name)
}
"""Numbers of the operating system's errors that say that a file takes no writes."""

_NAMES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
"""How SQLite's names of such errors begin."""

_ALONE = "PRAGMA locking_mode = EXCLUSIVE"
"""Has the index of the log kept in memory."""

_T = TypeVar("_T")


@dataclass(slots=True)
class ReadOnlyJournal(SqliteJournal):
    """A journal that can only be read.

    Raises:
        JournalError: It cannot be read either, or is of another version.
    """

    def __post_init__(self) -> None:
        path = self.folder / FILE_NAME
        try:
            self._records = self._rows = Reader(path, _connect(path))
        except Fault as error:
            raise opening_failure(path, error) from error

    @override
    async def aclose(self) -> None:
        await self._records.aclose()

    @override
    async def _write(
        self,
        change: Callable[[sqlite3.Connection], _T],
        *,
        durable: bool = True,
        alone: bool = False,
        grace: float = 0.0,
    ) -> _T:
        raise JournalError(f"{self.folder / FILE_NAME} can only be read at present")


def open_to_look(folder: Path) -> Journal:
    """Open a journal to be looked at, also where it takes no writes: that is logged then.

    Raises:
        JournalError: It cannot be read.
    """
    try:
        return SqliteJournal(folder)
    except JournalError as error:
        if not (folder / FILE_NAME).exists() or not _takes_no_writes(error.__cause__):
            raise
        try:
            journal = ReadOnlyJournal(folder)
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
        sqlite3.Error: None does.
    """
    failure: sqlite3.Error = sqlite3.OperationalError("it takes no writes")
    for parameters, setting in _ways(path):
        try:
            return _open(path, parameters, setting)
        except sqlite3.Error as error:
            failure = error
    raise failure


def _ways(path: Path) -> Generator[tuple[str, str]]:
    """Give the parameters of a connection, and what is set first: the most careful one first."""
    yield "mode=ro", ""
    yield "mode=rw", _ALONE
    if not is_read_only(path):
        return
    log = Path(f"{path}-wal")
    if not log.exists() or not log.stat().st_size:
        yield "immutable=1", ""
    # Locks are refused on such a disk, and nobody can change a file on it.
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
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT 1 FROM runs LIMIT 1").fetchall()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != FILE_VERSION:
            raise sqlite3.NotSupportedError("it is of another version")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return connection
