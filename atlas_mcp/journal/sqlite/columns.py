"""Values of columns, read as the types that they should have.

SQLite keeps a value of any type in any column. One of a wrong type must not cost a whole run, or
the list of all runs, so these functions never fail.
"""

from __future__ import annotations

from typing import TypeGuard, get_args

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.journal.clients import CallerState
from atlas_mcp.system.dates import LAST_SECOND

MOST = 2**53 - 1
"""The largest number of a record: JSON keeps it, and one more can still be stored."""

MOST_GRACE = 86_400.0
"""The longest grace of a stop, in seconds, that is taken for what was stored: a day."""

_STATUSES: tuple[Status, ...] = get_args(Status)
_CALLER_STATES: tuple[CallerState, ...] = get_args(CallerState)
_STOP_CAUSES: tuple[StopCause, ...] = get_args(StopCause)


def is_number(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number from 1 on, as records are counted."""
    return isinstance(value, int) and 1 <= value <= MOST


def count(value: object) -> int:
    """Return a whole number from 0 on; 0 for any other value."""
    return int(value) if isinstance(value, int | float) and 0 <= value <= MOST else 0


def time(value: object) -> float | None:
    """Return a time in Unix seconds; `None` for any other value."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= LAST_SECOND else None


def text(value: object) -> str:
    """Return text, also of bytes and numbers."""
    if isinstance(value, str):
        return value
    return decode(value) if isinstance(value, bytes) else str(value)


def is_storable(value: object) -> bool:
    """Return whether a value is text without half of a surrogate pair, which no column can hold."""
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


def decode(value: bytes) -> str:
    """Return bytes as text, with a mark in place of bytes that are no character."""
    return value.decode(errors="replace")


def status(value: object) -> Status:
    """Return the status of a run; `running` where it cannot be read."""
    return value if value in _STATUSES else "running"


def stop_cause(value: object) -> StopCause:
    """Return the cause of a stop request; `user` where it cannot be read."""
    return value if value in _STOP_CAUSES else "user"


def caller_state(value: object) -> CallerState:
    """Return the state of a caller; `cut`, which promises nothing, where it cannot be read."""
    return value if value in _CALLER_STATES else "cut"


def grace(value: object) -> float:
    """Return the seconds that calls get at a stop; 0 where they cannot be read."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= MOST_GRACE else 0.0


def seconds(value: object) -> float:
    """Return seconds, however many; 0 for any other value."""
    return float(value) if isinstance(value, int | float) else 0.0
