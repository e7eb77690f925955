"""The cap over all runs of a home on one day, as one run sees it.

A run counts against it as it does against its own cap: what a call may cost is committed in the
journal before the call is recorded, and what it did not cost is given back after. The day is that
of this machine's calendar; what a run commits counts to the day on which it did.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import anyio

from atlas_mcp.atlas.usage import FREE
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Journal

logger = logging.getLogger(__name__)

RECORD_SECONDS = 15.0
"""Seconds for a reservation that is under way to be written, though its run is being stopped: one
that was written and is not known of would be lost to the day."""


def today() -> str:
    """Return the date of this machine's calendar, as `YYYY-MM-DD`."""
    return time.strftime("%Y-%m-%d")


def spending_text(committed: Decimal, cap: Decimal) -> str:
    """Return where a day stands, in words."""
    return (
        f"the runs of this home have committed ${committed:.2f} of the ${cap:.2f} that they may "
        "cost together today (max_cost_usd_per_day)"
    )


@dataclass(slots=True)
class DayCap:
    """What one run has committed of the day's cap.

    Args:
        journal: Where it is kept, for all processes of the home.
        run_id: The run.
        cap: US dollars that all runs of the home may commit on one day.
        committed: US dollars of the run that are counted already: those of a run that is resumed.
        day: Gives the day.
    """

    journal: Journal
    run_id: str
    cap: Decimal
    committed: Decimal = FREE
    day: Callable[[], str] = today
    # Keeps the invariant that `committed` is what the journal counts, when calls start together.
    _lock: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    async def cover(self, usd: Decimal) -> Decimal | None:
        """Have `usd` of the run committed in all.

        Returns:
            `None` if they are; else the US dollars that the run may commit in all today, fewer.

        Raises:
            JournalError: The journal cannot be written. Nothing was committed.
        """
        with anyio.move_on_after(RECORD_SECONDS, shield=True):
            async with self._lock:
                missing = usd - self.committed
                if missing <= 0:
                    return None
                left = await self.journal.reserve_spending(
                    self.run_id, day=self.day(), usd=missing, cap=self.cap
                )
                if left is None:
                    self.committed = usd
                    return None
                return self.committed + left
        return self.committed

    async def settle(self, needed: Callable[[], Decimal]) -> None:
        """Give back what the run has committed beyond what it needs; count what it spent beyond it.

        Where the journal cannot be written, more stays committed than was needed.

        Args:
            needed: Gives the US dollars that the run has committed now and is about to commit.
        """
        with anyio.move_on_after(RECORD_SECONDS, shield=True):
            async with self._lock:
                # Taken together and before anything is awaited: a call may start meanwhile.
                usd, before = needed(), self.committed
                self.committed = usd
                try:
                    if usd < before:
                        await self.journal.release_spending(self.run_id, usd=before - usd)
                    elif usd > before:
                        # A call that cost more than its bound: it is paid, and cannot be refused.
                        await self.journal.reserve_spending(
                            self.run_id, day=self.day(), usd=usd - before, cap=None
                        )
                except JournalError as error:
                    most = max(usd, before)
                    logger.warning("$%s of run %s count to the day: %s", most, self.run_id, error)
