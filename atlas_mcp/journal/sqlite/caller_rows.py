"""The rows of callers: tool calls that wait for runs. They are removed together with their runs.

Works on its caller's connection, within the caller's transaction. A row does not tell whether its
process lives; that is asked through a function (`Lives`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.journal.clients import Caller, CallerState
from atlas_mcp.journal.sqlite import columns, lease_rows
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow

Lives: TypeAlias = Callable[[str, float], bool]
"""Returns whether a process lives, from its name and the time of its row's last change."""

IsHeld: TypeAlias = Callable[[str, LeaseRow], bool]
"""Returns whether a live process holds the lease of a run."""

JOINED_STATUSES: tuple[Status, ...] = ("running", "answered", "cancelled", "interrupted")
"""The statuses of runs that are joined though they are not driven. A failed run is asked anew."""

_MOST_LOOKED_AT = 100
"""Identical callers that are looked at, the newest first."""

_UNOPENED_SECONDS = 3600.0
"""Seconds from its last change after which a caller without a run has none to come."""

_IDENTICAL = """
SELECT caller_id, callers.run_id, callers.owner, state, changed_at, runs.run_id IS NOT NULL,
    status, updated_at
FROM callers LEFT JOIN runs ON runs.run_id = callers.run_id
WHERE digest = :digest AND (:after_cut OR NOT EXISTS (
    SELECT 1 FROM callers AS other
    WHERE other.run_id = callers.run_id AND other.digest = :digest AND other.state = 'received'
))
ORDER BY asked_at DESC LIMIT :most
"""

_FORGET_UNOPENED = """
DELETE FROM callers WHERE run_id NOT IN (SELECT run_id FROM runs)
AND changed_at < (SELECT max(changed_at) FROM callers) - ?
"""


class Joining(NamedTuple):
    """The conditions under which a caller joins the run of an identical one.

    Attributes:
        after_cut: Whether only a caller that was cut off is joined; it is then used up.
        since: Unix seconds; earlier changes are not joined.
        lives: Returns whether a process lives.
        is_held: Returns whether a live process holds the lease of a run.
    """

    after_cut: bool
    since: float
    lives: Lives
    is_held: IsHeld


class _Identical(NamedTuple):
    """An earlier caller with the same digest, and what is known of its run."""

    caller_id: str
    run_id: str
    state: CallerState
    is_alive: bool
    is_opened: bool
    status: Status
    changed_at: float


def join(
    connection: sqlite3.Connection, caller: Caller, owner: str, *, now: float, joining: Joining
) -> str | None:
    """Store a caller, and return the id of the run that it joins; `None` if it opens its own.

    See `Callers.join`.
    """
    run_id = _run_to_join(connection, caller, joining) if caller.digest else None
    connection.execute(
        "INSERT INTO callers (caller_id, run_id, digest, owner, state, asked_at, changed_at) "
        "VALUES (?,?,?,?,'waiting',?,?)",
        (caller.caller_id, run_id or caller.run_id, caller.digest, owner, caller.asked_at, now),
    )
    return run_id


def mark(connection: sqlite3.Connection, caller_id: str, state: CallerState, now: float) -> None:
    """Store the state of a caller, unless its run was received."""
    connection.execute(
        "UPDATE callers SET state = ?, changed_at = ? WHERE caller_id = ? AND state <> 'received'",
        (state, now, caller_id),
    )


def drop(connection: sqlite3.Connection, caller_id: str) -> None:
    """Remove a caller."""
    connection.execute("DELETE FROM callers WHERE caller_id = ?", (caller_id,))


def has_unreceived(connection: sqlite3.Connection, run_id: str, until: float) -> bool:
    """Return whether a caller of a run, which asked by then, has not received it."""
    query = (
        "SELECT 1 FROM callers WHERE run_id = ? AND asked_at <= ? AND state <> 'received' LIMIT 1"
    )
    return connection.execute(query, (run_id, until)).fetchone() is not None


def receive(connection: sqlite3.Connection, run_id: str, until: float, now: float) -> None:
    """Mark the callers of a run that asked by then as received."""
    connection.execute(
        "UPDATE callers SET state = 'received', changed_at = ? "
        "WHERE run_id = ? AND asked_at <= ? AND state <> 'received'",
        (now, run_id, until),
    )


def wanted(
    connection: sqlite3.Connection, run_ids: Sequence[str], *, promises: bool, lives: Lives
) -> dict[str, bool]:
    """Return for each run that has callers whether one of them wants it: see `Callers.wanted`."""
    rows = connection.execute(
        "SELECT callers.run_id, owner, state, changed_at FROM json_each(?) AS asked "
        "JOIN callers ON callers.run_id = asked.value",
        (json.dumps(list(run_ids)),),
    )
    asked_once = cache(lives)
    found: dict[str, bool] = {}
    for run_id, owner, value, changed_at in rows:
        state = columns.caller_state(value)
        is_wanted = found.get(run_id, False) or (state == "promised" and promises)
        if not is_wanted and state in ("waiting", "promised"):
            is_wanted = asked_once(columns.text(owner), columns.seconds(changed_at))
        found[run_id] = is_wanted
    return found


def forget_unopened(connection: sqlite3.Connection) -> None:
    """Remove old callers without a run: their processes died before it was opened."""
    connection.execute(_FORGET_UNOPENED, (_UNOPENED_SECONDS,))


def _run_to_join(connection: sqlite3.Connection, caller: Caller, joining: Joining) -> str | None:
    """Return the run that an identical caller joins, and use that caller up after a cut."""
    given = {"digest": caller.digest, "after_cut": joining.after_cut, "most": _MOST_LOOKED_AT}
    found = connection.execute(_IDENTICAL, given).fetchall()
    asked_once = cache(joining.lives)
    for row in found:
        one = _identical(row, asked_once)
        if not one.is_opened and not one.is_alive:
            drop(connection, one.caller_id)
        elif joining.after_cut and _was_cut(one, joining):
            # It equals no other from now on, so one repeat joins it.
            query = "UPDATE callers SET digest = '' WHERE caller_id = ?"
            connection.execute(query, (one.caller_id,))
            return one.run_id
        elif not joining.after_cut and _is_joined(connection, one, joining):
            return one.run_id
    return None


def _was_cut(one: _Identical, joining: Joining) -> bool:
    is_cut = one.state == "cut" or (one.state == "waiting" and not one.is_alive)
    return is_cut and one.is_opened and one.changed_at >= joining.since


def _is_joined(connection: sqlite3.Connection, one: _Identical, joining: Joining) -> bool:
    if one.state == "waiting" and one.is_alive:
        return True
    lease = lease_rows.find(connection, one.run_id)
    if lease is None:
        return False
    is_recent = one.changed_at >= joining.since and one.status in JOINED_STATUSES
    return is_recent or joining.is_held(one.run_id, lease)


def _identical(row: tuple[object, ...], lives: Lives) -> _Identical:
    caller_id, run_id, owner, state, changed_at, is_opened, status, updated_at = row
    changed = columns.seconds(changed_at)
    return _Identical(
        columns.text(caller_id),
        columns.text(run_id),
        columns.caller_state(state),
        lives(columns.text(owner), changed),
        bool(is_opened),
        columns.status(status),
        # An answer may come long after its caller was told that the run goes on.
        max(changed, columns.seconds(updated_at)),
    )
