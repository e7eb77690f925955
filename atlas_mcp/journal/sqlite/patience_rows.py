"""The rows of requests that clients have cancelled: after how many seconds, by client name.

Works on its caller's connection, within the caller's transaction. Names come from clients, so
their length and their number are bounded.
"""

from __future__ import annotations

import sqlite3

from atlas_mcp.journal.sqlite import columns

KEPT_OF_A_CLIENT = 10
"""Rows kept of one client, the newest."""

KEPT = 1_000
"""Rows kept of all clients, the newest."""

MOST_NAME_CHARACTERS = 200
"""Characters of a client's name by which it is known."""


def note(connection: sqlite3.Connection, client: str, seconds: float, *, now: float) -> None:
    """Store that a client cancelled a request after so many seconds."""
    name = _storable(client)
    connection.execute(
        "INSERT INTO cuts (client, at, seconds) VALUES (?,?,?)", (name, now, seconds)
    )
    connection.execute(
        "DELETE FROM cuts WHERE client = ? AND rowid NOT IN "
        "(SELECT rowid FROM cuts WHERE client = ? ORDER BY at DESC, rowid DESC LIMIT ?)",
        (name, name, KEPT_OF_A_CLIENT),
    )
    connection.execute(
        "DELETE FROM cuts WHERE rowid NOT IN "
        "(SELECT rowid FROM cuts ORDER BY at DESC, rowid DESC LIMIT ?)",
        (KEPT,),
    )


def since(connection: sqlite3.Connection, client: str, start: float) -> tuple[float, ...]:
    """Return after how many seconds a client cancelled requests from `start` on, newest first.

    Args:
        connection: The journal.
        client: The client's name.
        start: Unix seconds.
    """
    rows = connection.execute(
        "SELECT seconds FROM cuts WHERE client = ? AND at >= ? ORDER BY at DESC, rowid DESC "
        "LIMIT ?",
        (_storable(client), start, KEPT_OF_A_CLIENT),
    )
    return tuple(columns.seconds(seconds) for (seconds,) in rows)


def _storable(client: str) -> str:
    # Half of a surrogate pair cannot be stored.
    return client[:MOST_NAME_CHARACTERS].encode(errors="replace").decode()
