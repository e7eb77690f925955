"""Which runs there are, and which of them are beyond what is to be kept: rows, no records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias

from atlas_mcp.journal.base import ListedRun
from atlas_mcp.journal.sqlite import columns

Drives: TypeAlias = Callable[[str | None, float], bool]
"""Whether the owner of a lease, and when it ends, mean that a live process drives the run."""

_COLUMNS = "run_id, opened_at, updated_at, status, workflow, title, size_bytes, owner, lease_until"
"""Those of a `ListedRun` in its order, and what tells whether it is driven."""

_EXTENT = "SELECT min(updated_at), total(size_bytes) FROM runs"
"""What tells, at a glance over the rows, that nothing is beyond the limits."""

_OWNERS = "SELECT owner, max(lease_until) FROM runs WHERE owner IS NOT NULL GROUP BY owner"

_EXPIRED = f"""
WITH standing AS (
    SELECT *, lease_until > :now AND owner IS NOT NULL
        AND owner IN (SELECT value FROM json_each(:driving)) AS driven
    FROM runs
), added_up AS (
    SELECT *, total(size_bytes) OVER (
        ORDER BY driven DESC, updated_at DESC, run_id ROWS UNBOUNDED PRECEDING
    ) AS total
    FROM standing
)
SELECT {_COLUMNS} FROM added_up
WHERE NOT driven AND (updated_at < :idle_since OR total > :size_bytes)
ORDER BY updated_at, run_id DESC
"""


def newest(
    connection: sqlite3.Connection, limit: int | None, drives: Drives
) -> tuple[ListedRun, ...]:
    """Return the newest runs, newest first; all of them without a limit."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM runs ORDER BY opened_at DESC LIMIT ?",
        (-1 if limit is None else limit,),
    )
    return _summaries(rows, drives)


def expired(
    connection: sqlite3.Connection,
    *,
    idle_since: float | None,
    size_bytes: float | None,
    now: float,
    drives: Drives,
) -> tuple[ListedRun, ...]:
    """Return the runs beyond the limits, longest idle first; never one that is driven.

    Args:
        connection: The file.
        idle_since: Unix seconds; runs with no record since then are beyond.
        size_bytes: What the runs may take together: those that are driven, then the others, last
            changed first. Where that is used up, the rest are beyond.
        now: Unix seconds.
        drives: Tells who is driven.
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
        "driving": json.dumps([owner for owner, until in owners if drives(owner, until)]),
        "idle_since": idle_since,
        "size_bytes": size_bytes,
    }
    return _summaries(connection.execute(_EXPIRED, limits), drives)


def _summaries(rows: Iterable[tuple[Any, ...]], drives: Drives) -> tuple[ListedRun, ...]:
    # Asking whether an owner lives opens a file.
    driven = cache(drives)
    return tuple(_summary(row, driven) for row in rows)


def _summary(row: tuple[Any, ...], drives: Drives) -> ListedRun:
    run_id, opened_at, updated_at, status, workflow, title, size_bytes, owner, until = row
    return ListedRun(
        run_id=columns.text(run_id),
        opened_at=columns.time(opened_at) or 0.0,
        updated_at=columns.time(updated_at) or 0.0,
        status=columns.status(status),
        workflow=columns.text(workflow),
        title=columns.text(title),
        size_bytes=columns.count(size_bytes),
        driven=owner is not None and drives(columns.text(owner), columns.seconds(until)),
    )
