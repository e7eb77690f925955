"""The sum that all runs of a home have committed today, beside its cap."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from atlas_mcp.atlas.day_cap import committed_text
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.journal.base import Spending
from atlas_mcp.runs.clock import today


@dataclass(frozen=True, slots=True)
class DaySpending:
    """The money of a home on one day.

    Args:
        journal: Keeps the amounts, for all processes of the home.
        cap: US dollars that all runs may commit on one day; `None` for no cap.
    """

    journal: Spending
    cap: Decimal | None

    async def committed(self) -> Decimal | None:
        """Return the US dollars that are committed today; `None` where an amount is unreadable."""
        return await self.journal.spending(today())

    async def left(self) -> Decimal | None:
        """Return the US dollars left today: zero where that is unknown, `None` without a cap."""
        if self.cap is None:
            return None
        committed = await self.committed()
        return FREE if committed is None else max(FREE, self.cap - committed)

    async def text(self) -> str | None:
        """Return a sentence about the committed dollars and their cap; `None` without a cap."""
        return None if self.cap is None else committed_text(await self.committed(), self.cap)
