"""Giving back the space of removed runs, a little at a time, so that no lock is held for long.

New files can give free pages at their end back in steps. An older file that cannot is rewritten
once if it is small; in a large one the free pages are used again.
"""

from __future__ import annotations

import logging
import sqlite3

logger = logging.getLogger(__name__)

PAGES_AT_ONCE = 500
"""Pages given back in one transaction: 2 MB, some milliseconds."""

FEW_PAGES = 10_000
"""Most pages of a file that is rewritten, which takes up to a second: 40 MB."""

_INCREMENTAL = 2
"""The answer of `PRAGMA auto_vacuum` for files that give space back in steps. Source: https://sqlite.org/pragma.html#pragma_auto_vacuum"""


def prepare(connection: sqlite3.Connection) -> None:
    """Make a file without tables give space back in steps; a file with tables stays as it is."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def shrink(connection: sqlite3.Connection) -> bool:
    """Give some free pages back, and return whether more of them are left.

    Where another process has the file locked, the free pages are left to be used again.
    """
    try:
        free = _number(connection, "freelist_count")
        if _number(connection, "auto_vacuum") == _INCREMENTAL:
            # Each step gives one page back, and `execute` makes only one step.
            connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
            if 0 < _number(connection, "freelist_count") < free:
                return True
        elif _number(connection, "page_count") <= FEW_PAGES:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.OperationalError as error:
        logger.info("the journal could not be shrunk: %s", error)
    return False


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]
