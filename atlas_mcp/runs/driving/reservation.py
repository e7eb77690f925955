"""A run's reservation of the day's cap: made before its calls, given back after them.

The highest price of a call is counted in the journal before the call is recorded, and its unspent
part is given back after it. Without a cap nothing is refused, and the cost of calls is counted all
the same: a cap may be set at noon, or in the configuration of one client alone. How much a run
reserves is decided by `atlas.day_cap`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from decimal import Decimal

import anyio

from atlas_mcp.atlas.day_cap import (
    Reserved,
    is_covered,
    may_settle_later,
    reservation_kept,
    reservation_needed,
)
from atlas_mcp.atlas.events import DayCapReached
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Spending
from atlas_mcp.runs.clock import today

logger = logging.getLogger(__name__)

RECORD_SECONDS = 15.0
"""Seconds for a reservation to be written."""

SETTLE_SECONDS = 2.0
"""Seconds for giving back money that is not needed, also while the run is being stopped."""


@dataclass(slots=True)
class Reservation:
    """The US dollars of the day's cap that one run has reserved.

    Args:
        journal: Keeps the amounts, for all processes of the home.
        run_id: The run.
        cap: US dollars that all runs of the home may commit on one day; `None` for no cap.
        before: US dollars that the journal already counts for the run, when it is resumed.
        day: Returns the current day, `YYYY-MM-DD`.
    """

    journal: Spending
    run_id: str
    cap: Decimal | None
    before: InitVar[Decimal] = FREE
    day: Callable[[], str] = today
    _reserved: Reserved = field(init=False)
    _told: set[str] = field(init=False, default_factory=set[str])
    # Keeps the reservation equal to the journal's count when calls start together.
    _lock: anyio.Lock = field(init=False, default_factory=lambda: anyio.Lock(fast_acquire=True))

    def __post_init__(self, before: Decimal) -> None:
        self._reserved = Reserved(self.day(), before)

    @property
    def committed(self) -> Decimal:
        """US dollars that the journal counts for the run: spent, or held for calls."""
        return self._reserved.usd

    async def begin(self) -> None:
        """Take up a run where it was left: give back dollars that its records do not count."""
        # Asked even if the run's records commit nothing: its process may have died between the
        # reservation and the record.
        try:
            counted = await self.journal.spending_of(self.run_id)
            if counted is None:
                logger.warning("what run %s holds of the day cannot be read", self.run_id)
            elif counted > self.committed:
                excess = counted - self.committed
                await self.journal.release_spending(self.run_id, day=None, usd=excess)
        except JournalError as error:
            logger.warning("what run %s holds of the day is not known: %s", self.run_id, error)

    def covers(self, state: RunState) -> bool:
        """Return whether the run may make its open calls with its reservation."""
        return self.cap is None or is_covered(state, self.committed)

    async def enlarge(self, state: RunState) -> tuple[DayCapReached, ...]:
        """Reserve what a state needs, and return the record that less is left, if it is.

        Raises:
            JournalError: See `cover`.
        """
        assert self.cap is not None, "without a cap everything is covered"
        granted = await self.cover(reservation_needed(state), spent=state.ledger.gone)
        return () if granted is None else (DayCapReached(granted, self.cap),)

    async def keep(self, state: Callable[[], RunState]) -> None:
        """Give back the money that a run does not need any more after a call has ended."""
        if not may_settle_later(state(), self.committed, self.cap):
            await self.settle(
                lambda: reservation_kept(state(), self.committed), spent=state().ledger.gone
            )

    async def leave(self, state: Callable[[], RunState]) -> None:
        """Give back all that a run has reserved and not spent."""
        await self.settle(lambda: state().ledger.committed, spent=state().ledger.gone)

    async def cover(self, usd: Decimal, *, spent: Decimal) -> Decimal | None:
        """Raise the total that the run has committed to `usd`.

        Args:
            usd: US dollars spent and held, together.
            spent: The spent part of `usd`.

        Returns:
            `None` if `usd` is now committed; else the smaller total, in US dollars, that the run
            may commit today.

        Raises:
            JournalError: The journal cannot be written, or not in time. Nothing was committed.
        """
        if self.cap is None:
            return None
        with anyio.move_on_after(RECORD_SECONDS):
            async with self._lock:
                reserved = self._reserved = self._reserved.on(self.day(), spent=spent)
                missing = usd - reserved.usd
                if missing <= 0:
                    return None
                left = await self.journal.reserve_spending(
                    self.run_id, day=reserved.day, usd=missing, cap=self.cap
                )
                if left is None:
                    self._reserved = reserved.more(missing)
                    return None
                return reserved.usd + left
        raise JournalError(
            f"the journal took no reservation of {money_text(usd)} for {RECORD_SECONDS:.0f} s, so "
            "no call was made for it; end the program that keeps it locked, or try again when the "
            "machine is less busy"
        )

    async def settle(self, needed: Callable[[], Decimal], *, spent: Decimal) -> None:
        """Give back committed dollars that the run does not need; count overspent ones.

        Where the journal cannot be written, more stays committed than is needed; the next call
        corrects it.

        Args:
            needed: Returns the US dollars that the run has committed now or is about to commit.
            spent: The spent part of them.
        """
        with anyio.move_on_after(SETTLE_SECONDS, shield=True) as scope:
            async with self._lock:
                self._reserved = self._reserved.on(self.day(), spent=spent)
                surplus = self.committed - needed()
                if surplus > 0:
                    await self._give_back(surplus)
                elif surplus < 0:
                    # Nothing was held, or a call cost more than its bound: the cost is paid.
                    await self._count(-surplus)
        if scope.cancelled_caught:
            self._warn(
                "what it spent is not counted to the day yet",
                f"the journal was not free for {SETTLE_SECONDS:.0f} s",
            )

    async def _give_back(self, usd: Decimal) -> None:
        kept = self._reserved
        # Lowered before the first await: a call that starts meanwhile must not count on `usd`.
        self._reserved = kept.more(-usd)
        try:
            for day, part in kept.parts(usd):
                await self.journal.release_spending(self.run_id, day=day, usd=part)
                kept = kept.less(day, part)
        except JournalError as error:
            unneeded = f"{money_text(usd)} that it does not need stay committed for the day"
            self._warn(unneeded, str(error))
        finally:
            # The rest, which the journal still counts, is given back the next time.
            self._reserved = kept

    async def _count(self, usd: Decimal) -> None:
        try:
            await self.journal.reserve_spending(
                self.run_id, day=self._reserved.day, usd=usd, cap=None
            )
        except JournalError as error:
            uncounted = f"{money_text(usd)} that it spent are not counted to the day yet"
            self._warn(uncounted, str(error))
        else:
            # Raised only on success: after a failure the next call counts these dollars.
            self._reserved = self._reserved.more(usd)

    def leave_to_others(self, cause: str) -> None:
        """Let a cause be logged by the part that reports it to people."""
        self._told.add(cause)

    def _warn(self, what: str, cause: str) -> None:
        """Log an amount that the journal did not take, once for each cause."""
        if cause not in self._told:
            self._told.add(cause)
            logger.warning("run %s: %s: %s", self.run_id, what, cause)
