"""The way to the page of a run: its address, or the command that opens it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageLink:
    """Knows the way to the page of any run of a process.

    Attributes:
        base: The address under which this process serves pages, without a slash at its end; empty
            where it serves none.
    """

    base: str = ""

    def of(self, run_id: str) -> str:
        """Return the address of a run's page, or the command that opens it."""
        if self.base:
            return f"{self.base}/runs/{run_id}"
        return f"atlas-mcp runs show {run_id} --open"


BY_COMMAND = PageLink()
"""For a process that serves no pages."""
