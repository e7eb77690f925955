"""The cap over all runs of a home on one day: the part that a run reserves of it, and its words.

A run reserves the highest price of its open calls and of its synthesis before the calls are made.
Days are those of UTC, by which vendors bill. How the amounts are kept is the journal's.
"""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.holds import synthesis_price, synthesis_reserve
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.wording import money_text

_TOGETHER = "may cost together on one day of UTC (max_cost_usd_per_day)"


def reservation_needed(state: RunState) -> Decimal:
    """Return the US dollars that a run must have reserved before its open calls are made.

    The synthesis counts, so that other runs cannot take its money.
    """
    reserve = synthesis_price(state) if state.ledger.limit is None else synthesis_reserve(state)
    return state.ledger.committed + (FREE if state.turn_in_flight else reserve)


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
