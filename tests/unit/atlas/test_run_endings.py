"""The end of a run says how it came about, and keeps the evidence that was paid for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_endings import (
    NOT_RUN,
    failures_text,
    unprepared,
    why_no_money,
)
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import a_run, answers, play


def test_models_that_cannot_be_had_end_a_run_by_their_fault_or_by_its_limit() -> None:
    state = RunState.fold(play(a_run()).records[:1])
    assert unprepared(state, "no key") == (RunFinished("failed", "error", error="no key"),)
    (late,) = unprepared(state, None)
    assert (late.status, late.stop_reason) == ("failed", "deadline")
    assert "not ready" in (late.error or "")
    assert unprepared(replace(state, stop_cause="user"), None) == (), "it ends by its stop"


@pytest.mark.parametrize("limit", ["deadline", "max_explores", "max_cost"])
def test_a_run_without_an_explore_says_which_limit_stood_in_the_way(
    limit: StopReason,
) -> None:
    state = play(a_run(prefetch=0), answers()).live[0]

    assert failures_text(state, limit) == f"No solver was run. {NOT_RUN[limit]}"


def test_a_run_without_an_explore_and_without_a_limit_says_why_its_workflow_planned_none() -> None:
    state = play(a_run(prefetch=0), answers()).live[0]

    assert failures_text(state) == "No solver was run. None was planned."
    assert failures_text(state, unplanned="It was asked not to.").endswith("It was asked not to.")


def test_the_cap_of_the_day_is_told_in_place_of_the_run_s() -> None:
    state = play(a_run(), answers()).live[0]

    assert why_no_money(state, "The cap is low.") == "The cap is low."
    day = replace(state, day_cap_usd=Decimal(20))
    assert "$20.00" in why_no_money(day, "The cap is low.")
    assert "max_cost_usd_per_day" in failures_text(day, "max_cost")
