"""One run of the list of runs, as every part of a store gives it."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.atlas.summary import RunSummary


@dataclass(frozen=True, slots=True)
class ListedRun(RunSummary):
    """One run of the list: its summary, and the facts that only the store knows.

    Attributes:
        run_id: Its id.
        size_bytes: The space that its records take as they are stored.
        driven: Whether a live process holds its lease.
        owner: The name in leases of the process that claimed it last; `None` where that process
            has given it back.
    """

    run_id: str
    size_bytes: int
    driven: bool
    owner: str | None = None
