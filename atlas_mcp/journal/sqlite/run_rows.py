"""The rows of the list of runs: kept up to date with their records, listed, expired, removed.

Works on its caller's connection, and reads no record. The core defines the summary in a row
(`atlas.summary`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.atlas.summary import RunSummary
from atlas_mcp.errors import RunExists, UnknownRun
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.journal.sqlite import columns, digest_rows, lease_rows
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow

IsLive: TypeAlias = Callable[[str | None, float], bool]
"""Returns whether a live process holds a lease, from its owner and the time of its end."""

SUMMARY = "opened_at, updated_at, status, workflow, title"
"""The columns of a `RunSummary`, in its order."""

LISTED = f"{SUMMARY}, run_id, size_bytes, owner, lease_until"
"""The columns of a `ListedRun`, in its order; the last two say whether it is driven."""

_EXTENT = "SELECT min(updated_at), total(size_bytes) FROM runs"
"""The oldest change and the size of all runs, which mostly suffice to see that none has expired."""

_OWNERS = "SELECT owner, max(lease_until) FROM runs WHERE owner IS NOT NULL GROUP BY owner"

_LEASED = """
    SELECT *, lease_until > :now AND owner IS NOT NULL
        AND owner IN (SELECT value FROM json_each(:driving)) AS driven
    FROM runs
"""

_IDLE = f"""
WITH leased AS ({_LEASED})
SELECT {LISTED} FROM leased
WHERE NOT driven AND updated_at < :idle_since
ORDER BY updated_at, run_id DESC
"""

_IDLE_OR_TOO_LARGE = f"""
WITH leased AS ({_LEASED}), added_up AS (
    SELECT *, total(size_bytes) OVER (
        ORDER BY driven DESC, updated_at DESC, run_id ROWS UNBOUNDED PRECEDING
    ) AS total
    FROM leased
)
SELECT {LISTED} FROM added_up
WHERE NOT driven AND (updated_at < :idle_since OR total > :size_bytes)
ORDER BY updated_at, run_id DESC
"""


def add(connection: sqlite3.Connection, run_id: str, summary: RunSummary, lease: LeaseRow) -> None:
    """Store the row of a new run.

    Raises:
        RunExists: A run has this id already.
    """
    added = connection.execute(
        f"INSERT INTO runs (run_id, {SUMMARY}, owner, fence, lease_until) "
        "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (run_id) DO NOTHING",
        (run_id, summary.opened_at, *_changing(summary), *lease),
    )
    if added.rowcount == 0:
        raise RunExists(run_id)
    digest_rows.note_change(connection, run_id)


def summary_of(connection: sqlite3.Connection, run_id: str) -> RunSummary | None:
    """Return the summary of a run, also from damaged columns; `None` if there is no such run."""
    found = connection.execute(f"SELECT {SUMMARY} FROM runs WHERE run_id = ?", (run_id,))
    row = found.fetchone()
    return None if row is None else _summary(row)


def fence_and_summary(connection: sqlite3.Connection, run_id: str) -> tuple[int, RunSummary]:
    """Return the fence of a run's newest claim and its summary, which each append needs.

    Raises:
        UnknownRun: There is no such run.
    """
    found = connection.execute(f"SELECT fence, {SUMMARY} FROM runs WHERE run_id = ?", (run_id,))
    row = found.fetchone()
    if row is None:
        raise UnknownRun(run_id)
    return columns.count(row[0]), _summary(row[1:])


def update(
    connection: sqlite3.Connection, run_id: str, summary: RunSummary, added_bytes: int
) -> None:
    """Store the new summary of a run after an append, and add the space of its records."""
    # `opened_at` is left out: it never changes, and its index would be written each time.
    connection.execute(
        "UPDATE runs SET updated_at = ?, status = ?, workflow = ?, title = ?, "
        "size_bytes = size_bytes + ? WHERE run_id = ?",
        (*_changing(summary), added_bytes, run_id),
    )
    digest_rows.note_change(connection, run_id)


def newest(
    connection: sqlite3.Connection, limit: int | None, is_live: IsLive
) -> tuple[ListedRun, ...]:
    """Return the newest runs, newest first; all of them without a limit."""
    rows = connection.execute(
        f"SELECT {LISTED} FROM runs ORDER BY opened_at DESC LIMIT ?",
        (-1 if limit is None else limit,),
    )
    return listed(rows, is_live)


def expired(
    connection: sqlite3.Connection,
    *,
    idle_since: float | None,
    size_bytes: float | None,
    now: float,
    is_live: IsLive,
) -> tuple[ListedRun, ...]:
    """Return the runs outside the limits, longest idle first: see `RunIndex.expired`.

    Args:
        connection: The file.
        idle_since: Unix seconds; runs with no record since then have expired.
        size_bytes: The space that all runs may take.
        now: Unix seconds.
        is_live: Returns whether a live process holds a lease.
    """
    first, total = connection.execute(_EXTENT).fetchone()
    oldest = columns.time(first)
    in_time = idle_since is None or oldest is None or oldest >= idle_since
    if in_time and (size_bytes is None or total <= size_bytes):
        return ()
    owners = [
        (columns.text(owner), columns.seconds(until))
        for owner, until in connection.execute(_OWNERS)
    ]
    limits = {
        "now": now,
        "driving": json.dumps([owner for owner, until in owners if is_live(owner, until)]),
        "idle_since": idle_since,
        "size_bytes": size_bytes,
    }
    # Adding sizes up sorts all runs, so it is left to the limit that needs it.
    query = _IDLE if size_bytes is None else _IDLE_OR_TOO_LARGE
    return listed(connection.execute(query, limits), is_live)


def remove(
    connection: sqlite3.Connection,
    runs: Sequence[ListedRun],
    is_held: Callable[[str, LeaseRow], bool],
) -> list[str]:
    """Remove runs with all that belongs to them, and return their ids.

    Args:
        connection: The file, in a transaction.
        runs: The runs, as they were listed. A run that was changed since then stays.
        is_held: Returns whether a live process holds the lease of a run; such a run stays.
    """
    removed: list[str] = []
    for run in runs:
        summary = summary_of(connection, run.run_id)
        lease = lease_rows.find(connection, run.run_id)
        if summary is None or lease is None or summary.updated_at != run.updated_at:
            continue
        if is_held(run.run_id, lease):
            continue
        for table in ("tasks", "callers", "large_values", "events", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run.run_id,))
        digest_rows.note_change(connection, run.run_id)
        removed.append(run.run_id)
    return removed


def _changing(summary: RunSummary) -> tuple[float, Status, str, str]:
    """Return the values of `SUMMARY` without the first, which never changes."""
    return summary.updated_at, summary.status, summary.workflow, summary.title


def listed(rows: Iterable[tuple[Any, ...]], is_live: IsLive) -> tuple[ListedRun, ...]:
    """Return runs from rows of the columns `LISTED`."""
    # Cached, since each test of an owner opens a file.
    asked_once = cache(is_live)
    return tuple(_listed_run(row, asked_once) for row in rows)


def _listed_run(row: tuple[Any, ...], is_live: IsLive) -> ListedRun:
    opened_at, updated_at, status, workflow, title, run_id, size_bytes, owner, until = row
    name = None if owner is None else columns.text(owner)
    return ListedRun(
        columns.time(opened_at) or 0.0,
        columns.time(updated_at) or 0.0,
        columns.status(status),
        columns.text(workflow),
        columns.text(title),
        run_id=columns.text(run_id),
        size_bytes=columns.count(size_bytes),
        driven=name is not None and is_live(name, columns.seconds(until)),
        owner=name,
    )


def _summary(row: tuple[Any, ...]) -> RunSummary:
    opened_at, updated_at, status, workflow, title = row
    return RunSummary(
        columns.time(opened_at) or 0.0,
        columns.time(updated_at) or 0.0,
        columns.status(status),
        columns.text(workflow),
        columns.text(title),
    )
