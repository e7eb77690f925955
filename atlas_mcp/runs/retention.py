"""Which runs have been kept long enough. Decides only; `RunService.prune` removes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas_mcp.errors import InvalidInput
from atlas_mcp.journal.base import RunSummary

DAY_SECONDS = 86_400.0

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Keep:
    """What is to be kept; `None` sets no limit.

    Attributes:
        days: Days since a run's last record.
        size_mb: Megabytes of all runs together, newest first.

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


def expired(runs: Sequence[RunSummary], keep: Keep, *, now: float) -> tuple[RunSummary, ...]:
    """Return the runs beyond the limits, oldest first; never one that a process drives.

    Args:
        runs: All runs.
        keep: The limits.
        now: Unix seconds.
    """
    gone: list[RunSummary] = []
    total = 0
    for run in sorted(runs, key=lambda one: (not one.driven, -one.updated_at)):
        too_old = keep.days is not None and now - run.updated_at > keep.days * DAY_SECONDS
        too_much = keep.size_mb is not None and total + run.size_bytes > keep.size_mb * MEGABYTE
        if not run.driven and (too_old or too_much):
            gone.append(run)
        else:
            total += run.size_bytes
    return tuple(reversed(gone))
