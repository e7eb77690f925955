"""Errors of the file as errors of the journal, each with its cause and advice.

Knows the errors of SQLite and of the operating system; callers know neither.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from atlas_mcp.errors import JournalCorrupt, JournalError
from atlas_mcp.system.limits import too_few_files

Fault = (sqlite3.Error, OSError)
"""The errors that files and SQLite raise."""

_NO_SPACE = "free some space on this disk, or of your quota; what is stored is whole"
_FORBIDDEN = "make the file and its folder writable, or set ATLAS_HOME to a folder you can write to"
_FAILING = (
    "free some space on this disk or of your quota, or check whether the disk is failing; what is "
    "stored is whole"
)
_CUT = (
    "a file of the journal was cut short; end every process of atlas-mcp, put a backup in place if "
    "there is one, and start again"
)
_DAMAGED = "move it away to begin a new one, `sqlite3 FILE .recover` may read it"

_BY_NUMBER = {
    errno.ENOSPC: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EROFS: _FORBIDDEN,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EIO: _FAILING,
} | ({errno.EDQUOT: _NO_SPACE} if hasattr(errno, "EDQUOT") else {})
"""Advice by the number of the operating system's error."""

_BY_NAME = {
    "SQLITE_FULL": _NO_SPACE,
    "SQLITE_IOERR_SHORT_READ": _CUT,
    "SQLITE_BUSY": "another program has kept it locked for too long; end that program",
    "SQLITE_IOERR": _FAILING,
    "SQLITE_READONLY": _FORBIDDEN,
    "SQLITE_PERM": _FORBIDDEN,
    "SQLITE_CANTOPEN": _FORBIDDEN,
}
"""Advice by the beginning of SQLite's name of the error."""

_DAMAGES = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_FORMAT", "SQLITE_MISMATCH")
"""Beginnings of SQLite's names of the errors that a damaged file causes."""


def journal_failure(path: Path, error: Exception) -> JournalError:
    """Return an error of the file as an error of the journal, with advice."""
    few = _too_few_files(error)
    advice = "" if few else _advice(error)
    kind = JournalCorrupt if _is_damage(error) else JournalError
    failure = kind(f"{path}: {few or _cause(error)}{f'; {advice}' if advice else ''}")
    failure.__cause__ = error
    return failure


def opening_failure(path: Path, error: Exception) -> JournalError:
    """Return the error for a journal that cannot be opened, with advice."""
    few = _too_few_files(error)
    advice = _advice(error) or "set ATLAS_HOME to a folder you can write to"
    failure = JournalError(
        f"the journal {path} cannot be opened: "
        + (few or f"{error}. {advice[0].upper()}{advice[1:]}")
    )
    failure.__cause__ = error
    return failure


def is_busy(error: Exception) -> bool:
    """Return whether another program has the file locked, so that an immediate retry is useless."""
    return _name(error).startswith("SQLITE_BUSY")


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # SQLite quotes text that it cannot decode.
    return str(error).partition(" with text ")[0]


def _is_damage(error: Exception) -> bool:
    """Return whether the file is no journal, or a damaged one."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.ProgrammingError):
        return False
    # Text that cannot be decoded gives an error without a name; a missing table, a common one.
    return not _name(error) or _name(error).startswith(_DAMAGES)


def _advice(error: Exception) -> str:
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0, "")
    if _is_damage(error):
        return _DAMAGED
    name = _name(error)
    return next((advice for known, advice in _BY_NAME.items() if name.startswith(known)), "")


def _too_few_files(error: Exception) -> str | None:
    return too_few_files(error, unnamed=_name(error).startswith("SQLITE_CANTOPEN"))


def _name(error: Exception) -> str:
    # Errors of Python itself have no name of SQLite.
    return getattr(error, "sqlite_errorname", None) or ""
