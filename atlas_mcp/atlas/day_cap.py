"""The cap over all runs of a home on one day: the part that a run reserves of it, and its words.

A run reserves the highest price of its open calls and of its synthesis before the calls are made.
Days are those of UTC, by which vendors bill. How the amounts are kept is the journal's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from atlas_mcp.atlas.holds import synthesis_price, synthesis_reserve
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.wording import money_text

_TOGETHER = "may cost together on one day of UTC (max_cost_usd_per_day)"


def reservation_needed(state: RunState) -> Decimal:
    """Return the US dollars that a run must have reserved before its open calls are made.

    The synthesis counts, so that other runs cannot take its money. A run at rest needs none.
    """
    reserve = synthesis_price(state) if state.ledger.limit is None else synthesis_reserve(state)
    needs_none = state.turn_in_flight or is_at_rest(state)
    return state.ledger.committed + (FREE if needs_none else reserve)


def is_covered(state: RunState, reserved: Decimal) -> bool:
    """Return whether a run may make its open calls with the US dollars that it has reserved."""
    return reservation_needed(state) <= reserved


def reservation_kept(state: RunState, reserved: Decimal) -> Decimal:
    """Return the US dollars that a run keeps reserved when a call of it has ended.

    Args:
        state: The run.
        reserved: The US dollars that it has reserved: it keeps no more for its synthesis.
    """
    return max(state.ledger.committed, min(reservation_needed(state), reserved))


def may_settle_later(state: RunState, reserved: Decimal, cap: Decimal | None) -> bool:
    """Return whether a run need not give money back before its last open call has ended.

    Without a cap no other run waits for that money, and one write counts several calls. A run that
    spent more than it has reserved counts the difference at once.

    Args:
        state: The run, after the end of a call.
        reserved: The US dollars that it has reserved.
        cap: The cap of the day, US dollars; `None` for no cap.
    """
    return cap is None and state.calls_in_flight and state.ledger.committed <= reserved


@dataclass(frozen=True, slots=True)
class Reserved:
    """The US dollars that a run has reserved, by the day to which they count.

    Attributes:
        day: The day to which further dollars count, `YYYY-MM-DD`.
        usd: All of them, spent and held.
        earlier: Dollars that were held when a day ended, by that day: they are given back to it.
    """

    day: str
    usd: Decimal = FREE
    earlier: tuple[tuple[str, Decimal], ...] = ()

    def on(self, day: str, *, spent: Decimal) -> Reserved:
        """Return the reservation on a day, which may be a new one.

        Args:
            day: The day.
            spent: The spent part of `usd`.
        """
        if day == self.day:
            return self
        held = max(FREE, self.usd - spent - sum((usd for _, usd in self.earlier), FREE))
        return replace(self, day=day, earlier=(*self.earlier, (self.day, held)))

    def more(self, usd: Decimal) -> Reserved:
        """Return the reservation with further US dollars."""
        return replace(self, usd=self.usd + usd)

    def parts(self, usd: Decimal) -> tuple[tuple[str, Decimal], ...]:
        """Split US dollars over the days to give them back to: earlier days first, as held."""
        parts: list[tuple[str, Decimal]] = []
        for day, held in self.earlier:
            part = min(usd, held)
            if part:
                parts.append((day, part))
            usd -= part
        return (*parts, (self.day, usd)) if usd else tuple(parts)

    def less(self, day: str, usd: Decimal) -> Reserved:
        """Return the reservation after US dollars were given back to a day."""
        left = ((one, held - usd if one == day else held) for one, held in self.earlier)
        earlier = tuple((one, held) for one, held in left if held)
        return replace(self, usd=self.usd - usd, earlier=earlier)


def committed_text(committed: Decimal | None, cap: Decimal) -> str:
    """Return a sentence about the dollars that are committed today, and their cap.

    Args:
        committed: US dollars that all runs have spent or reserved today; `None` if unknown.
        cap: The most that they may commit on one day, US dollars.
    """
    if committed is None:
        return (
            "an amount in the journal that the runs of this home have committed today cannot be "
            f"read, so the {money_text(cap)} that they {_TOGETHER} count as reached until tomorrow"
        )
    return (
        f"the runs of this home have committed {money_text(committed)} of the {money_text(cap)} "
        f"that they {_TOGETHER}"
    )


def too_little_left_text(cap: Decimal) -> str:
    """Return the sentence of a run that can go no further today, with the ways on."""
    return (
        f"Too little is left for it of the {money_text(cap)} that the runs of this home "
        f"{_TOGETHER}: raise it under [budget] in atlas.toml, or go on tomorrow."
    )
