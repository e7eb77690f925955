"""A run's part of the cap over all runs of a day, and the sentences about that cap."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.day_cap import (
    Reserved,
    committed_text,
    is_covered,
    may_settle_later,
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
        needs_none = state.turn_in_flight or state.finished is not None
        reserve = FREE if needs_none else synthesis_reserve(state)
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


def test_without_a_cap_a_run_settles_once_its_last_call_has_ended() -> None:
    states = play(a_run(max_cost_usd="50"), answers()).live
    calling = next(state for state in states if state.calls_in_flight)
    committed = calling.ledger.committed

    assert may_settle_later(calling, committed, None)
    assert not may_settle_later(calling, committed - Decimal("0.01"), None), "it spent more"
    assert not may_settle_later(calling, committed, Decimal(20)), "others wait for the money"
    assert not may_settle_later(states[-1], states[-1].ledger.committed, None)


MONDAY, TUESDAY, WEDNESDAY = "2026-11-23", "2026-11-24", "2026-11-25"


def test_what_a_run_holds_when_the_day_changes_is_given_back_to_the_day_that_counts_it() -> None:
    reserved = Reserved(MONDAY, Decimal(5)).on(TUESDAY, spent=Decimal(2)).more(Decimal(4))

    assert (reserved.usd, reserved.day) == (Decimal(9), TUESDAY)
    assert reserved.parts(Decimal(1)) == ((MONDAY, Decimal(1)),)
    assert reserved.parts(Decimal(5)) == ((MONDAY, Decimal(3)), (TUESDAY, Decimal(2)))
    assert reserved.parts(FREE) == ()


def test_what_was_given_back_is_not_given_back_again() -> None:
    reserved = Reserved(MONDAY, Decimal(5)).on(TUESDAY, spent=Decimal(2))
    reserved = reserved.less(MONDAY, Decimal(3))

    assert reserved == Reserved(TUESDAY, Decimal(2))
    assert reserved.less(TUESDAY, Decimal(2)) == Reserved(TUESDAY)


def test_each_day_keeps_its_own_part() -> None:
    reserved = Reserved(MONDAY, Decimal(3)).on(TUESDAY, spent=Decimal(1)).more(Decimal(2))
    reserved = reserved.on(WEDNESDAY, spent=Decimal(2))

    assert reserved.earlier == ((MONDAY, Decimal(2)), (TUESDAY, Decimal(1)))
    assert reserved.on(WEDNESDAY, spent=Decimal(5)) == reserved
