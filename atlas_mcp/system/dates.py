"""Times as dates that can be written, whatever a clock or a file system gives."""

from __future__ import annotations

from datetime import UTC, datetime

LAST_SECOND = 253_370_764_800.0
"""Unix seconds of the start of the year 9999: later ones cannot be written in every time zone."""


def moment(seconds: float) -> datetime:
    """Return a time in Unix seconds as a date; the nearest one there is where it has none."""
    # In this order: a value that is no number becomes the beginning.
    return datetime.fromtimestamp(min(max(0.0, seconds), LAST_SECOND), UTC)
