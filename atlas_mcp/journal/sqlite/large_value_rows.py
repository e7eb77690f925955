"""The long texts of a run's records, each stored once a run under its digest.

Owns the table `large_values`. The core (`atlas.large_values`) decides which texts
are long, and how a line refers to one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import cache

from atlas_mcp.journal.sqlite import columns


def store(connection: sqlite3.Connection, run_id: str, texts: Mapping[str, str]) -> int:
    """Store the texts that the run does not have yet, and return the bytes that they take.

    A damaged text is stored anew, so that the record which brings it is whole.
    """
    added = 0
    for digest, text in texts.items():
        stored = connection.execute(
            "INSERT INTO large_values (run_id, digest, body) VALUES (?,?,?) "
            "ON CONFLICT (run_id, digest) DO UPDATE SET body = excluded.body "
            "WHERE body IS NOT excluded.body",
            (run_id, digest, text),
        )
        if stored.rowcount > 0:
            added += len(text.encode())
    return added


def finder(connection: sqlite3.Connection, run_id: str) -> Callable[[str], str | None]:
    """Return a function that gives the text of a digest, `None` where it cannot be read.

    It reads each text once, so it is for one read of the run.
    """

    @cache
    def find(digest: str) -> str | None:
        try:
            # As bytes: SQLite fails on text that is no UTF-8.
            row = connection.execute(
                "SELECT CAST(body AS BLOB) FROM large_values WHERE run_id = ? AND digest = ?",
                (run_id, digest),
            ).fetchone()
        except sqlite3.DatabaseError as error:
            if not error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
                raise
            return None
        return None if row is None else columns.text(row[0])

    return find
