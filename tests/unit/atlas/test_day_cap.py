"""A run's part of the cap over all runs of a day, and the sentences about that cap."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.day_cap import (
    committed_text,
    is_covered,
    reservation_kept,
    reservation_needed,
    too_little_left_text,
)
from atlas_mcp.atlas.holds import synthesis_reserve
from atlas_mcp.atlas.usage import FREE
from tests.support.played_runs import a_run, answers, play


def test_a_run_reserves_its_calls_and_its_synthesis_of_the_day_s_cap() -> None:
    run = play(a_run(max_cost_usd="50"), answers())
    for state in run.live:
        reserve = FREE if state.turn_in_flight else synthesis_reserve(state)
        needed = reservation_needed(state)
        assert needed == state.ledger.committed + reserve
        assert state.ledger.committed <= reservation_kept(state, needed) <= needed
        assert is_covered(state, needed)
        assert not is_covered(state, needed - Decimal("0.01"))
        assert reservation_kept(state, FREE) == state.ledger.committed


def test_the_cap_of_the_day_is_named_with_its_setting() -> None:
    assert committed_text(Decimal("3.5"), Decimal(20)) == (
        "the runs of this home have committed $3.50 of the $20.00 that they may cost together on "
        "one day of UTC (max_cost_usd_per_day)"
    )
    assert committed_text(None, Decimal(20)) == (
        "an amount in the journal that the runs of this home have committed today cannot be read, "
        "so the $20.00 that they may cost together on one day of UTC (max_cost_usd_per_day) count "
        "as reached until tomorrow"
    )
    assert too_little_left_text(Decimal(20)) == (
        "Too little is left for it of the $20.00 that the runs of this home may cost together on "
        "one day of UTC (max_cost_usd_per_day): raise it under [budget] in atlas.toml, or go on "
        "tomorrow."
    )
