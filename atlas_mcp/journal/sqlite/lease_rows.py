"""The rows that name the process that drives a run: claimed, renewed, given back.

Works on its caller's connection, within the caller's transaction. The rows do not tell whether the
owner of a lease is alive; `leases` finds that out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from atlas_mcp.errors import UnknownRun
from atlas_mcp.journal.base import Lease, LiveRequest
from atlas_mcp.journal.sqlite import columns

_REQUESTS = """
SELECT run_id, fence, stop_cause, stop_grace
FROM json_each(?) AS held JOIN runs ON run_id = held.value
WHERE stop_cause IS NOT NULL OR is_to_lift
"""
"""Reads the requests for some runs in one query, which runs twice a second."""

_NO_REQUEST = "stop_cause = NULL, stop_grace = 0, is_to_lift = 0"
"""Clears the request for a run. A lift has a column of its own, since versions that know none take
every cause for that of a stop."""


class LeaseRow(NamedTuple):
    """The lease of a run as it is stored.

    Attributes:
        owner: The process that holds it, `None` where it was given back.
        fence: The fence of the newest claim.
        until: The end of the lease, Unix seconds.
    """

    owner: str | None
    fence: int
    until: float


def find(connection: sqlite3.Connection, run_id: str) -> LeaseRow | None:
    """Return the lease of a run, also from damaged columns; `None` if there is no such run."""
    if not columns.is_storable(run_id):
        return None
    row = connection.execute(
        "SELECT owner, fence, lease_until FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    if row is None:
        return None
    owner, fence, until = row
    name = columns.text(owner) if owner is not None else None
    return LeaseRow(name, columns.count(fence), columns.seconds(until))


def require(connection: sqlite3.Connection, run_id: str) -> LeaseRow:
    """Return the lease of a run.

    Raises:
        UnknownRun: There is no such run.
    """
    found = find(connection, run_id)
    if found is None:
        raise UnknownRun(run_id)
    return found


def take(connection: sqlite3.Connection, run_id: str, lease: LeaseRow) -> None:
    """Store a lease that was claimed. Requests for the run until then are cleared."""
    connection.execute(
        f"UPDATE runs SET owner = ?, fence = ?, lease_until = ?, {_NO_REQUEST} WHERE run_id = ?",
        (*lease, run_id),
    )


def renew(
    connection: sqlite3.Connection, held: Sequence[Lease], *, owner: str, until: float
) -> list[Lease]:
    """Prolong the leases of an owner, and return those that it has lost."""
    found = connection.execute(
        "SELECT run_id, fence FROM runs WHERE owner = ? AND run_id IN "
        "(SELECT value FROM json_each(?))",
        (owner, _run_ids(held)),
    )
    fences = dict(found)
    kept = [lease for lease in held if fences.get(lease.run_id) == lease.fence]
    connection.execute(
        "UPDATE runs SET lease_until = ? WHERE run_id IN (SELECT value FROM json_each(?))",
        (until, _run_ids(kept)),
    )
    return [lease for lease in held if fences.get(lease.run_id) != lease.fence]


def give_back(connection: sqlite3.Connection, leases: Iterable[Lease], owner: str) -> None:
    """Remove the owner from runs whose leases `owner` still holds."""
    connection.executemany(
        "UPDATE runs SET owner = NULL WHERE run_id = ? AND owner = ? AND fence = ?",
        [(lease.run_id, owner, lease.fence) for lease in leases],
    )


def request(connection: sqlite3.Connection, run_id: str, wanted: LiveRequest) -> None:
    """Store a request to the driver of a run, in place of an earlier one that no user made.

    Raises:
        UnknownRun: There is no such run.
    """
    require(connection, run_id)
    connection.execute(
        "UPDATE runs SET stop_cause = ?, stop_grace = ?, is_to_lift = ?"
        " WHERE run_id = ? AND (stop_cause IS NOT 'user' OR ?)",
        (wanted.cause, wanted.grace, wanted.cause is None, run_id, wanted.cause == "user"),
    )


def requests(connection: sqlite3.Connection, held: Sequence[Lease]) -> dict[str, LiveRequest]:
    """Return the requests for runs whose leases are still the newest, by run."""
    fences = {lease.run_id: lease.fence for lease in held}
    return {
        run_id: LiveRequest(
            None if cause is None else columns.stop_cause(cause), columns.grace(grace)
        )
        for run_id, fence, cause, grace in connection.execute(_REQUESTS, (_run_ids(held),))
        if fences[run_id] == fence
    }


def take_requests(connection: sqlite3.Connection, held: Sequence[Lease]) -> dict[str, LiveRequest]:
    """Return the requests for runs whose leases are still the newest, and clear them."""
    found = requests(connection, held)
    connection.execute(
        f"UPDATE runs SET {_NO_REQUEST} WHERE run_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(found)),),
    )
    return found


def _run_ids(leases: Iterable[Lease]) -> str:
    return json.dumps([lease.run_id for lease in leases])
