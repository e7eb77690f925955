"""Errors of the file as the one kind callers know, each with its cause and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from atlas_mcp.errors import JournalCorrupt, JournalError
from atlas_mcp.system.limits import too_few_files

Fault = (sqlite3.Error, OSError)
"""What files and SQLite raise."""

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
"""What to do, by the number of the operating system's error."""

_BY_NAME = {
    "SQLITE_FULL": _NO_SPACE,
    "SQLITE_IOERR_SHORT_READ": _CUT,
    "SQLITE_BUSY": "another program has kept it locked for too long; end that program",
    "SQLITE_IOERR": _FAILING,
    "SQLITE_READONLY": _FORBIDDEN,
    "SQLITE_PERM": _FORBIDDEN,
    "SQLITE_CANTOPEN": _FORBIDDEN,
}
"""What to do, by how SQLite's name of the error begins."""

_DAMAGES = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_FORMAT", "SQLITE_MISMATCH")
"""How SQLite's names of errors begin that tell of a damaged file."""


def journal_failure(path: Path, error: Exception) -> JournalError:
    """Return an error of the file as an error of the journal, with what to do about it."""
    few = _too_few_files(error)
    advice = "" if few else _advice(error)
    kind = JournalCorrupt if _is_damage(error) else JournalError
    failure = kind(f"{path}: {few or _cause(error)}{f'; {advice}' if advice else ''}")
    failure.__cause__ = error
    return failure


def opening_failure(path: Path, error: Exception) -> JournalError:
    """Return why the journal cannot be opened, with what to do about it."""
    few = _too_few_files(error)
    advice = _advice(error) or "set ATLAS_HOME to a folder you can write to"
    failure = JournalError(
        f"the journal {path} cannot be opened: "
        + (few or f"{error}. {advice[0].upper()}{advice[1:]}")
    )
    failure.__cause__ = error
    return failure


def is_busy(error: Exception) -> bool:
    """Return whether another program was in the way: to ask again at once would be in vain."""
    return _name(error).startswith("SQLITE_BUSY")


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # SQLite quotes what it cannot decode.
    return str(error).partition(" with text ")[0]


def _is_damage(error: Exception) -> bool:
    """Return whether the file is not what it should be: no journal, or not a whole one."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.ProgrammingError):
        return False
    # What cannot be decoded has no name; a table or a column that is gone has the common one.
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
