"""The next step of a caller names a call that it can make, with the run's id."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.state import RunState
from atlas_mcp.views.next_steps import DEFAULT_POLL, Poll, next_step
from tests.support.played_runs import a_run, failed, play


def ended(reason: StopReason, **changes: object) -> RunState:
    end = RunFinished("failed", reason, error="So.")
    return replace(play(a_run()).state, finished=end, **changes)


def test_a_poll_repeats_the_number_that_its_caller_was_told() -> None:
    assert DEFAULT_POLL.call("r") == "get_run with run_id='r', wait_s=40"
    assert Poll(7, 110).call("r") == "get_run with run_id='r', since=7, wait_s=110"


def test_a_running_run_is_polled_as_its_caller_can_wait_and_says_its_place_in_line() -> None:
    opened = play(a_run()).live[0]

    assert next_step("r", opened, "running", Poll(7, 20), waiting="second in line") == (
        "It is second in line. Call get_run with run_id='r', since=7, wait_s=20; the run goes on "
        "meanwhile."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("max_cost", "a larger max_cost_usd"),
        ("deadline", "as much time again"),
        ("no_supported_answer", "a larger max_explores"),
        ("no_candidates", "Fix the errors"),
        ("error", "to try again"),
    ],
)
def test_a_run_without_an_answer_says_how_to_go_on(reason: StopReason, words: str) -> None:
    step = next_step("r", ended(reason), "failed", DEFAULT_POLL)

    assert step is not None
    assert words in step
    assert "resume_run with run_id='r'" in step


def test_candidates_are_offered_for_an_answer_only_where_there_are_some() -> None:
    without = play(a_run(), solve=lambda _: failed()).state
    end = RunFinished("failed", "deadline", error="So.")

    for state, offers in ((ended("deadline"), True), (replace(without, finished=end), False)):
        step = next_step("r", state, "failed", DEFAULT_POLL)
        assert step is not None
        assert ("answer from the candidates here" in step) == offers


def test_a_run_that_the_cap_of_the_day_ended_waits_for_the_operator_or_the_day() -> None:
    step = next_step("r", ended("max_cost", day_cap_usd=Decimal(1)), "failed", DEFAULT_POLL)

    assert step is not None
    assert "max_cost_usd_per_day" in step
    assert "tomorrow" in step


def test_an_answer_needs_no_next_step() -> None:
    assert next_step("r", play(a_run()).state, "answered", DEFAULT_POLL) is None
