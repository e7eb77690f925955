"""The records of a run as rows: added behind the last one, and read back in their order."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Record,
    RunFinished,
    RunResumed,
    decode_event,
    encode_event,
)
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, UnknownRun
from atlas_mcp.journal.base import Lease

logger = logging.getLogger(__name__)


class Standing(NamedTuple):
    """Who drives a run, and when it last changed."""

    owner: str | None
    fence: int
    lease_until: float
    updated_at: float


def standing(connection: sqlite3.Connection, run_id: str) -> Standing | None:
    """Return how a run stands, `None` if there is none of this id."""
    row = connection.execute(
        "SELECT owner, fence, lease_until, updated_at FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return None if row is None else Standing(*row)


def require(connection: sqlite3.Connection, run_id: str) -> Standing:
    """Return how a run stands.

    Raises:
        UnknownRun: There is no such run.
    """
    found = standing(connection, run_id)
    if found is None:
        raise UnknownRun(run_id)
    return found


def add(connection: sqlite3.Connection, lease: Lease, records: Sequence[Record]) -> None:
    """Store records behind the last one of their run.

    Raises:
        UnknownRun: There is no such run.
        JournalBusy: The lease is no longer the run's newest.
        JournalError: They do not follow its last record, or cannot be encoded.
    """
    run_id = lease.run_id
    if require(connection, run_id).fence != lease.fence:
        raise JournalBusy(f"run {run_id!r} has been taken over by another process")
    (last,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?", (run_id,)
    ).fetchone()
    first = records[0].seq
    if first == last and _make_room(connection, run_id, last):
        last -= 1
    _check_order(run_id, last, records)
    insert(connection, run_id, records)


def insert(connection: sqlite3.Connection, run_id: str, records: Sequence[Record]) -> None:
    """Store records of a run whose row is there, and bring that up to date.

    Raises:
        JournalError: They cannot be encoded.
    """
    try:
        lines = [encode_event(record.event) for record in records]
    except ValueError as error:
        raise JournalError(f"run {run_id!r}: its records cannot be stored: {error}") from error
    connection.executemany(
        "INSERT INTO events (run_id, seq, at, body) VALUES (?,?,?,?)",
        [
            (run_id, record.seq, record.at, line)
            for record, line in zip(records, lines, strict=True)
        ],
    )
    status = next((s for r in reversed(records) if (s := _status_after(r.event))), None)
    connection.execute(
        "UPDATE runs SET updated_at = ?, status = coalesce(?, status), size_bytes = size_bytes + ? "
        "WHERE run_id = ?",
        (records[-1].at, status, sum(len(line.encode()) for line in lines), run_id),
    )


def read(connection: sqlite3.Connection, run_id: str, after: int) -> tuple[Record, ...]:
    """Return the records of a run with `seq` above `after`, in order.

    Raises:
        UnknownRun: There is no such run.
        JournalCorrupt: A record before the last one is unreadable.
    """
    rows = connection.execute(
        "SELECT seq, at, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq",
        (run_id, after),
    ).fetchall()
    if not rows:
        require(connection, run_id)
    records: list[Record] = []
    for expected, (seq, at, body) in enumerate(rows, start=after + 1):
        try:
            if seq != expected:
                raise JournalCorrupt(f"record {expected} is missing")
            records.append(Record(seq, at, decode_event(body)))
        except JournalCorrupt as error:
            if expected == after + len(rows) and expected > 1:
                logger.warning("run %s: the last record was torn and is left out", run_id)
                break
            raise JournalCorrupt(f"run {run_id!r}, record {expected}: {error}") from error
    return tuple(records)


def _check_order(run_id: str, last: int, records: Sequence[Record]) -> None:
    """Refuse what would leave a hole, or write a record twice.

    Raises:
        JournalError: It would.
    """
    for before, seq in pairwise((last, *(record.seq for record in records))):
        if seq != before + 1:
            why = "is there already" if seq <= before else f"would leave a hole behind {before}"
            raise JournalError(
                f"run {run_id!r}: record {seq} {why}, so it was not stored; resume the run, which "
                "goes on from what is stored"
            )


def _make_room(connection: sqlite3.Connection, run_id: str, seq: int) -> bool:
    """Remove the record at `seq` if it was torn: readers leave it out, and its place is free."""
    removed = connection.execute(
        "DELETE FROM events WHERE run_id = ? AND seq = ? AND NOT json_valid(body)", (run_id, seq)
    )
    return removed.rowcount > 0


def _status_after(event: Event) -> Status | None:
    """Return the status an event gives its run, `None` if it leaves it as it was."""
    if isinstance(event, RunFinished):
        return event.status
    reopens = isinstance(event, ExploresPlanned) and event.origin == "client"
    return "running" if reopens or isinstance(event, RunResumed) else None
