"""The tables of the SQLite journal, one script a version, and how a file is brought up to date.

A new file goes through all the scripts, so there is one way to every version. Scripts are never
edited once released; each takes a file of the version before it and leaves its records readable.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from atlas_mcp.errors import JournalInUse, JournalNewer
from atlas_mcp.journal.sqlite import columns
from atlas_mcp.journal.sqlite.processes import is_lease_live

MIGRATIONS = (
    # 1: `runs` has one row a run, `events` one row a record.
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        opened_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        status TEXT NOT NULL,
        workflow TEXT NOT NULL,
        title TEXT NOT NULL,
        owner TEXT,
        fence INTEGER NOT NULL,
        lease_until REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_age ON runs (opened_at DESC);
    CREATE TABLE events (
        run_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run_id, seq)
    ) WITHOUT ROWID
    """,
    # 2: requests to stop runs, the size of their records, and the protocol's tasks.
    """
    ALTER TABLE runs ADD COLUMN stop_cause TEXT;
    ALTER TABLE runs ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE runs SET size_bytes = (
        SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM events
        WHERE events.run_id = runs.run_id
    );
    CREATE TABLE tasks (
        task_id TEXT PRIMARY KEY,
        run_id TEXT NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX tasks_by_run ON tasks (run_id)
    """,
    # 3: US dollars that each run has committed on each day (`spending_rows`).
    """
    CREATE TABLE spending (
        day TEXT NOT NULL,
        run_id TEXT NOT NULL,
        units INTEGER NOT NULL,
        PRIMARY KEY (day, run_id)
    ) WITHOUT ROWID;
    CREATE INDEX spending_by_run ON spending (run_id, day)
    """,
    # 4: long texts of records, each once a run (`large_value_rows`).
    """
    ALTER TABLE events ADD COLUMN is_split INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE large_values (
        run_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE UNIQUE INDEX large_values_by_digest ON large_values (run_id, digest)
    """,
    # 5: requests to lift a stop, and rows of clients: callers, drivers, cancelled requests.
    """
    ALTER TABLE runs ADD COLUMN stop_grace REAL NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN is_to_lift INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE callers (
        caller_id TEXT PRIMARY KEY,
        run_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        owner TEXT NOT NULL,
        state TEXT NOT NULL,
        asked_at REAL NOT NULL,
        changed_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX callers_by_run ON callers (run_id);
    CREATE INDEX callers_by_digest ON callers (digest, asked_at DESC);
    CREATE TABLE drivers (
        owner TEXT PRIMARY KEY,
        pid INTEGER NOT NULL,
        version TEXT NOT NULL,
        started_at REAL NOT NULL,
        alone_since REAL
    ) WITHOUT ROWID;
    CREATE TABLE cuts (
        client TEXT NOT NULL,
        at REAL NOT NULL,
        seconds REAL NOT NULL
    );
    CREATE INDEX cuts_by_client ON cuts (client, at DESC)
    """,
)

STAND_INS = (
    # 2
    """
    CREATE TEMP VIEW runs AS SELECT *, NULL AS stop_cause, (
        SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM main.events
        WHERE events.run_id = one.run_id
    ) AS size_bytes FROM main.runs AS one;
    CREATE TEMP TABLE tasks (task_id TEXT, run_id TEXT, created_at REAL)
    """,
    # 3
    "CREATE TEMP TABLE spending (day TEXT, run_id TEXT, units INTEGER)",
    # 4
    """
    CREATE TEMP VIEW events AS SELECT *, 0 AS is_split FROM main.events;
    CREATE TEMP TABLE large_values (run_id TEXT, digest TEXT, body TEXT)
    """,
    # 5: without the columns of requests, which are read only where a lease is held.
    """
    CREATE TEMP TABLE callers (
        caller_id TEXT, run_id TEXT, digest TEXT, owner TEXT, state TEXT, asked_at REAL,
        changed_at REAL
    );
    CREATE TEMP TABLE drivers (
        owner TEXT, pid INTEGER, version TEXT, started_at REAL, alone_since REAL
    );
    CREATE TEMP TABLE cuts (client TEXT, at REAL, seconds REAL)
    """,
)
"""Stand-ins for the tables and columns that each version since 2 has added, one script a version.
They belong to one connection and are kept in memory, so that a connection that can only read reads
an older file like a new one."""

FILE_VERSION = len(MIGRATIONS)
"""Version of the tables, kept in the file's `user_version`."""


def migrate(
    connection: sqlite3.Connection, path: Path, *, clock: Callable[[], float] = time.time
) -> None:
    """Bring the tables of a file up to this version, all of it or nothing.

    Nothing is changed under a process of an older version that drives a run.

    Args:
        connection: The file.
        path: Its path, with the locks of processes in its folder.
        clock: Unix seconds.

    Raises:
        JournalInUse: Such a process lives.
        JournalNewer: A newer version wrote the file.
    """
    if _version(connection, path) == FILE_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        # Read again: another process may have migrated the file while this one waited.
        version = _version(connection, path)
        if 0 < version < FILE_VERSION and (runs := _driven(connection, path.parent, clock())):
            raise JournalInUse(str(path), runs)
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FILE_VERSION}")


def stand_in(connection: sqlite3.Connection, path: Path) -> None:
    """Make one connection read an older file as if it had been brought up to date.

    Raises:
        JournalNewer: A newer version wrote the file.
        sqlite3.Error: The file is no journal of any version.
    """
    for script in STAND_INS[max(0, _version(connection, path) - 1) :]:
        for statement in script.split(";"):
            connection.execute(statement)


def _driven(connection: sqlite3.Connection, folder: Path, now: float) -> dict[str, str]:
    """Return the runs that live processes drive, oldest first, with the names of the processes."""
    rows = connection.execute(
        "SELECT run_id, owner, lease_until FROM runs WHERE owner IS NOT NULL ORDER BY opened_at"
    ).fetchall()
    return {
        columns.text(run_id): columns.text(owner)
        for run_id, owner, until in rows
        if is_lease_live(folder, columns.text(owner), until=columns.seconds(until), now=now)
    }


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FILE_VERSION:
        raise JournalNewer(
            f"the journal {path} was written by a newer version of atlas-mcp (tables {version}, "
            f"this one knows {FILE_VERSION}); upgrade atlas-mcp"
        )
    return version
