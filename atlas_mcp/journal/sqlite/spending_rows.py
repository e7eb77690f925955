"""US dollars that the runs of a home have committed on each day, so that a cap over them holds.

One row a run and day, in the journal's own file: each reservation is one transaction, so the sum
never passes the cap, however many processes share a home. An amount is all that its run has spent,
holds for calls, and may owe for calls without a final count. The amount of a process that died
stays until the run is resumed, since its calls may have been billed. Rows outlive their runs.

A damaged amount is unknown, never 0: it leaves nothing of the day's cap, and stays as it is.
"""

from __future__ import annotations

import logging
import sqlite3
from decimal import ROUND_CEILING, Decimal

from atlas_mcp.atlas.usage import FREE

logger = logging.getLogger(__name__)

UNITS = 1_000_000_000
"""Units of an amount in a US dollar: one token of the cheapest model costs several units."""

DAYS_KEPT = 31
"""Days whose rows are kept: enough to show the spending of a month."""

MOST_UNITS = 2**62 - 1
"""The largest amount in units: over four times the largest cap. Twice as much is still a whole
number for SQLite."""

_KNOWN = f"(typeof(units) = 'integer' AND units BETWEEN 0 AND {MOST_UNITS})"
"""SQL that tests an amount for damage; SQLite itself reads a damaged one as 0."""

_LOW_BITS = 32

_SUM = f"""
SELECT coalesce(sum(units >> {_LOW_BITS}), 0), coalesce(sum(units & {2**_LOW_BITS - 1}), 0),
    coalesce(min({_KNOWN}), 1)
FROM spending
"""
"""SQL for a sum in two parts, so that no rows overflow SQLite's whole numbers, and for whether the
sum is known."""


def committed(connection: sqlite3.Connection, day: str) -> Decimal | None:
    """Return the US dollars that all runs have committed on a day, `None` if unknown."""
    return _dollars(connection.execute(f"{_SUM} WHERE day = ?", (day,)))


def committed_by(connection: sqlite3.Connection, run_id: str) -> Decimal | None:
    """Return the US dollars that one run has committed, on all days, `None` if unknown."""
    return _dollars(connection.execute(f"{_SUM} WHERE run_id = ?", (run_id,)))


def reserve(
    connection: sqlite3.Connection, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
) -> Decimal | None:
    """Commit `usd` more for a run, inside the caller's transaction.

    Args:
        connection: The journal.
        run_id: The run.
        day: The day it counts to.
        usd: US dollars, rounded up.
        cap: US dollars that all runs may commit on the day; `None` counts without refusing.

    Returns:
        `None` if `usd` was committed; else the US dollars that the cap leaves, with nothing
        changed: zero where the day's amounts are unknown.
    """
    units = _units(usd)
    if cap is not None:
        spent = committed(connection, day)
        if spent is None:
            logger.warning("the cap of %s counts as reached: an amount of it is unreadable", day)
        left = FREE if spent is None else cap - spent
        if Decimal(units) / UNITS > left:
            return max(FREE, left)
    begun = connection.execute("SELECT 1 FROM spending WHERE day = ? LIMIT 1", (day,)).fetchone()
    connection.execute(
        "INSERT INTO spending (day, run_id, units) VALUES (?,?,?) "
        "ON CONFLICT (day, run_id) DO UPDATE SET units = units + excluded.units "
        f"WHERE {_KNOWN.replace('units', 'spending.units')}",
        (day, run_id, units),
    )
    if begun is None:
        _forget(connection)
    return None


def release(connection: sqlite3.Connection, run_id: str, *, day: str | None, usd: Decimal) -> None:
    """Give back US dollars that a run has committed and does not need.

    Args:
        connection: The journal.
        run_id: The run.
        day: The day on which they count; `None` for the newest first.
        usd: US dollars, rounded down; at most those that the run has committed are given back.
    """
    units = int(usd * UNITS)
    rows = connection.execute(
        "SELECT day, units FROM spending WHERE run_id = ? AND day = coalesce(?, day) "
        f"AND {_KNOWN} ORDER BY day DESC",
        (run_id, day),
    ).fetchall()
    for one, had in rows:
        given = min(units, had)
        connection.execute(
            "UPDATE spending SET units = units - ? WHERE day = ? AND run_id = ?",
            (given, one, run_id),
        )
        units -= given


def _forget(connection: sqlite3.Connection) -> None:
    """Remove the rows of days that are not kept. It reads all rows, so once a day is enough."""
    connection.execute(
        "DELETE FROM spending WHERE day NOT IN "
        "(SELECT DISTINCT day FROM spending ORDER BY day DESC LIMIT ?)",
        (DAYS_KEPT,),
    )


def _dollars(found: sqlite3.Cursor) -> Decimal | None:
    high, low, known = found.fetchone()
    return Decimal((high << _LOW_BITS) + low) / UNITS if known else None


def _units(usd: Decimal) -> int:
    return min(MOST_UNITS, int((usd * UNITS).to_integral_value(rounding=ROUND_CEILING)))
