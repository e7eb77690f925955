"""What stands in a column, whatever its type: SQLite keeps any value in any of them.

A value of another type is no reason to lose a whole run, or the list of all runs: it is read as the
type it should have, as far as it can be.
"""

from __future__ import annotations

from typing import TypeGuard, cast, get_args

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.system.dates import LAST_SECOND

MOST = 2**53 - 1
"""The largest number that is taken for one of ours: JSON keeps it, and one more can be stored."""


def is_number(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number from 1 on, as records are counted."""
    return isinstance(value, int) and 1 <= value <= MOST


def count(value: object) -> int:
    """Return a whole number from 0 on; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and 0 <= value <= MOST else 0


def time(value: object) -> float | None:
    """Return a time in Unix seconds; `None` for what is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= LAST_SECOND else None


def text(value: object) -> str:
    """Return text, also of bytes and numbers."""
    return decode(value) if isinstance(value, bytes) else str(value)


def decode(value: bytes) -> str:
    """Return the text that bytes hold; what is no character is replaced."""
    return value.decode(errors="replace")


def status(value: object) -> Status:
    """Return how a run stands; one of which that is not known has not ended."""
    return cast("Status", value) if value in get_args(Status) else "running"


def stop_cause(value: object) -> StopCause:
    """Return who wants a run stopped; where that is not known, a user."""
    return cast("StopCause", value) if value in get_args(StopCause) else "user"


def seconds(value: object) -> float:
    """Return a number of seconds, of whatever size; 0 for what is none."""
    return float(value) if isinstance(value, int | float) else 0.0
