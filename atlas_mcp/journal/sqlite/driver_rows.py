"""The rows of processes that drive runs for servers.

Works on its caller's connection, within the caller's transaction. A driver's row is removed by the
next driver that starts once its process is gone.
"""

from __future__ import annotations

import sqlite3

from atlas_mcp.journal.clients import DriverEntry
from atlas_mcp.journal.sqlite import columns
from atlas_mcp.journal.sqlite.caller_rows import Lives


def announce(connection: sqlite3.Connection, entry: DriverEntry, lives: Lives) -> None:
    """Store a driver, and remove those that are gone."""
    for one in _rows(connection):
        if not lives(one.owner, _changed_at(one)):
            connection.execute("DELETE FROM drivers WHERE owner = ?", (one.owner,))
    connection.execute(
        "INSERT OR REPLACE INTO drivers (owner, pid, version, started_at, alone_since) "
        "VALUES (?,?,?,?,?)",
        (entry.owner, entry.pid, entry.version, entry.started_at, entry.alone_since),
    )


def note_alone(connection: sqlite3.Connection, owner: str, now: float) -> None:
    """Store that the server of a driver is gone; the first time counts."""
    connection.execute(
        "UPDATE drivers SET alone_since = ? WHERE owner = ? AND alone_since IS NULL", (now, owner)
    )


def living(connection: sqlite3.Connection, lives: Lives) -> tuple[DriverEntry, ...]:
    """Return the drivers that live, oldest first."""
    return tuple(one for one in _rows(connection) if lives(one.owner, _changed_at(one)))


def _changed_at(entry: DriverEntry) -> float:
    return max(entry.started_at, entry.alone_since or 0.0)


def _rows(connection: sqlite3.Connection) -> list[DriverEntry]:
    rows = connection.execute(
        "SELECT owner, pid, version, started_at, alone_since FROM drivers ORDER BY started_at"
    ).fetchall()
    return [
        DriverEntry(
            columns.text(owner),
            columns.count(pid),
            columns.text(version),
            columns.seconds(started_at),
            columns.time(alone_since),
        )
        for owner, pid, version, started_at, alone_since in rows
    ]
