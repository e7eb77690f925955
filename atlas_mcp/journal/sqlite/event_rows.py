"""The records of a run as rows: added behind the last one, and read back in their order.

Works on its caller's connection. Reading never fails on a damaged record: a `RecordLost` is
returned in its place.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import (
    Event,
    Record,
    RecordLost,
    RunOpened,
)
from atlas_mcp.atlas.large_values import join, split
from atlas_mcp.atlas.summary import RunSummary, summarize
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, JournalNewer, UnknownRun
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite import columns, large_value_rows, lease_rows, run_rows

logger = logging.getLogger(__name__)

ASTRAY = "records of this run are stored under numbers that no record can have"
"""The reason in `RecordLost` for rows under a number that no record can have."""


def add(connection: sqlite3.Connection, lease: Lease, records: Sequence[Record]) -> None:
    """Store records behind the last one of their run.

    Raises:
        UnknownRun: There is no such run.
        JournalBusy: The lease is no longer the run's newest.
        JournalError: The records do not follow the last one, or cannot be encoded.
    """
    run_id = lease.run_id
    fence, summary = run_rows.fence_and_summary(connection, run_id)
    if fence != lease.fence:
        raise JournalBusy(f"run {run_id!r} has been taken over by another process")
    last = last_number(connection, run_id)
    first = records[0].seq
    if first == last and _remove_torn(connection, run_id, last):
        last -= 1
    _check_order(run_id, last, records)
    insert(connection, run_id, records, summary)


def insert(
    connection: sqlite3.Connection, run_id: str, records: Sequence[Record], summary: RunSummary
) -> None:
    """Store records of a run whose row is there, and bring that row up to date.

    Args:
        connection: The file, in a transaction.
        run_id: The run.
        records: The records.
        summary: The summary in the row.

    Raises:
        JournalError: The records cannot be encoded.
    """
    try:
        lines = [split(encode_event(record.event)) for record in records]
    except ValueError as error:
        raise JournalError(f"run {run_id!r}: its records cannot be stored: {error}") from error
    connection.executemany(
        "INSERT INTO events (run_id, seq, at, body, is_split) VALUES (?,?,?,?,?)",
        [
            (run_id, record.seq, record.at, line, 1 if texts else 0)
            for record, (line, texts) in zip(records, lines, strict=True)
        ],
    )
    added = sum(len(line.encode()) for line, _ in lines)
    for _, texts in lines:
        added += large_value_rows.store(connection, run_id, texts)
    run_rows.update(connection, run_id, summarize(summary, records), added)


def read(connection: sqlite3.Connection, run_id: str, after: int) -> tuple[Record, ...]:
    """Return the records of a run with `seq` above `after`, in order and without gaps.

    Where some are missing or unreadable, a `RecordLost` is in their place. A last record that was
    torn is left out.

    Raises:
        UnknownRun: There is no such run.
        JournalNewer: A newer version wrote the run.
    """
    if not columns.is_storable(run_id):
        raise UnknownRun(run_id)
    rows, damage = _rows(connection, run_id, after)
    if not rows:
        lease_rows.require(connection, run_id)
    placed = [row for row in rows if columns.is_number(row.seq) and row.seq > after]
    is_astray = after == 0 and len(placed) < len(rows)
    why = damage or (ASTRAY if is_astray else "it is missing")
    find = large_value_rows.finder(connection, run_id)
    found = [
        Record(row.seq, at, _event(row, find))
        for row, at in zip(placed, _times(placed), strict=True)
    ]
    if found and found[-1].seq > 1 and _is_torn(connection, run_id, found[-1]):
        logger.warning("run %s: the last record was torn and is left out", run_id)
        found.pop()
    records: list[Record] = []
    for record in found:
        before = records[-1].seq if records else after
        if gap := record.seq - before - 1:
            records.append(Record(record.seq - 1, record.at, RecordLost(why, gap)))
        records.append(record)
    if after == 0 and not (records and isinstance(records[0].event, RunOpened)):
        records[:1] = [_opening_lost(connection, run_id, records, why)]
    if is_astray and len(found) == len(records) == records[-1].seq:
        # No number is missing, so the loss of the other rows is reported behind the first record.
        records.insert(1, Record(1, records[0].at, RecordLost(ASTRAY, 0)))
    return tuple(records)


def _opening_lost(
    connection: sqlite3.Connection, run_id: str, records: Sequence[Record], why: str
) -> Record:
    """Return a stand-in for the first record of a run, with the title and time of the run's row."""
    first = records[0] if records else Record(1, 0.0, RecordLost(why))
    lost = first.event
    if not isinstance(lost, RecordLost):
        lost = RecordLost("it does not open the run")
    row = connection.execute(
        "SELECT opened_at, title FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    opened_at, title = (None, None) if row is None else row
    at = columns.time(opened_at)
    title = None if title is None else columns.text(title)
    return Record(first.seq, first.at if at is None else at, replace(lost, title=title))


class _Row(NamedTuple):
    """A record as it is stored: any value may stand in any column but the body.

    Attributes:
        seq: Its number.
        at: Unix seconds.
        body: Its line.
        is_split: 0 where the line is whole; else its long texts are in `large_values`.
    """

    seq: Any
    at: object
    body: bytes
    is_split: object


def _rows(connection: sqlite3.Connection, run_id: str, after: int) -> tuple[list[_Row], str | None]:
    """Return the readable rows, in order, and the error of the others.

    Where the file is damaged, rows are read up to the damage, and then backwards from the end.
    """
    rows: list[_Row] = []
    damage: str | None = None
    for order in ("ASC", "DESC"):
        # As bytes: text that is no UTF-8 would fail the whole query.
        found = connection.execute(
            "SELECT seq, at, CAST(body AS BLOB), is_split FROM events "
            f"WHERE run_id = ? AND seq > ? ORDER BY seq {order}",
            # From the lowest number on, to include rows under numbers that no record can have.
            (run_id, after or -(2**63)),
        )
        try:
            rows += map(_Row._make, found)
            break
        except sqlite3.DatabaseError as error:
            if not error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
                raise
            damage = str(error)
    if damage is not None:
        rows = list({row.seq: row for row in rows}.values())
        rows.sort(key=lambda row: row.seq if columns.is_number(row.seq) else 0)
    return rows, damage


def _times(rows: Sequence[_Row]) -> list[float]:
    """Return the time of each record; an unreadable time is taken from the record before."""
    times = [columns.time(row.at) for row in rows]
    last = next((at for at in times if at is not None), 0.0)
    return [last := last if at is None else at for at in times]


def _event(row: _Row, find: Callable[[str], str | None]) -> Event:
    try:
        event = decode_event(row.body if row.is_split == 0 else join(_line(row), find))
    except JournalNewer:
        raise
    except JournalCorrupt as error:
        return RecordLost(str(error))
    # `RecordLost` is never stored, so this row was not written by us.
    return RecordLost("it is no record") if isinstance(event, RecordLost) else event


def _line(row: _Row) -> str:
    try:
        return row.body.decode()
    except UnicodeDecodeError as error:
        raise JournalCorrupt(f"a record is unreadable: {error.reason}") from error


def last_number(connection: sqlite3.Connection, run_id: str) -> int:
    """Return the number of the last record of a run, 0 where there is none."""
    row = connection.execute(
        "SELECT seq FROM events WHERE run_id = ? AND seq BETWEEN 1 AND ? "
        "AND typeof(seq) = 'integer' ORDER BY seq DESC LIMIT 1",
        (run_id, columns.MOST),
    ).fetchone()
    return 0 if row is None else row[0]


def _check_order(run_id: str, last: int, records: Sequence[Record]) -> None:
    """Refuse records that would leave a hole, or that are there already.

    Raises:
        JournalError: The records would leave a hole, or are there already.
    """
    if records[-1].seq > columns.MOST:
        raise JournalError(
            f"run {run_id!r}: no number is left behind its last record, which is damaged, so "
            "nothing was stored; ask the question again"
        )
    for before, seq in pairwise((last, *(record.seq for record in records))):
        if seq != before + 1:
            why = "is there already" if seq <= before else f"would leave a hole behind {before}"
            raise JournalError(
                f"run {run_id!r}: record {seq} {why}, so it was not stored; resume the run, which "
                "goes on from what is stored"
            )


def _is_torn(connection: sqlite3.Connection, run_id: str, record: Record) -> bool:
    """Return whether a record breaks off in the middle; only then is its place free."""
    if not isinstance(record.event, RecordLost):
        return False
    asked = "SELECT json_valid(body) FROM events WHERE run_id = ? AND seq = ?"
    valid = connection.execute(asked, (run_id, record.seq)).fetchone()
    return valid is not None and not valid[0]


def _remove_torn(connection: sqlite3.Connection, run_id: str, seq: int) -> bool:
    """Remove the record at `seq` if it was torn: readers leave it out, and its place is free."""
    removed = connection.execute(
        "DELETE FROM events WHERE run_id = ? AND seq = ? AND NOT json_valid(body)", (run_id, seq)
    )
    return removed.rowcount > 0
