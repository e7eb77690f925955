"""Limits on how long runs are kept.

Owns the limits alone: the journal finds the expired runs, and the service removes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.errors import InvalidInput

DAY_SECONDS = 86_400.0

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Keep:
    """The limits; `None` sets none.

    Attributes:
        days: Days since a run's last record.
        size_mb: Megabytes of all runs together; the longest idle go first.

    Raises:
        InvalidInput: A limit is negative.
    """

    days: float | None = None
    size_mb: float | None = None

    def __post_init__(self) -> None:
        for name, limit in (("keep_days", self.days), ("max_size_mb", self.size_mb)):
            if limit is not None and not limit >= 0:
                raise InvalidInput(name, f"is {limit}; it takes 0 or more")

    @property
    def everything(self) -> bool:
        """Whether there is no limit at all."""
        return self.days is None and self.size_mb is None

    def idle_since(self, now: float) -> float | None:
        """Return the time, Unix seconds, since when a run must have a record to be kept."""
        return None if self.days is None else now - self.days * DAY_SECONDS

    @property
    def size_bytes(self) -> float | None:
        """What all runs together may take."""
        return None if self.size_mb is None else self.size_mb * MEGABYTE
