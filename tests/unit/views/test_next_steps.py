"""The next step of a caller names a call that it can make, with the run's id."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.callers import WINDOW_SECONDS, Joined
from atlas_mcp.views.next_steps import DEFAULT_POLL, REPEAT_MINUTES, Poll, joined_text, next_step
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


def test_a_run_that_outlives_its_server_is_said_to_do_so() -> None:
    opened = play(a_run()).live[0]

    step = next_step("r", opened, "running", Poll(7, 20, outlives=True))
    assert step == (
        "Call get_run with run_id='r', since=7, wait_s=20; the run goes on meanwhile, also when "
        "this server has ended."
    )


def test_a_run_that_was_cut_off_is_gone_on_with_by_a_repeated_call() -> None:
    end = RunFinished("cancelled", "cancelled", error="So.")
    cut = replace(play(a_run()).state, finished=end, stop_cause="client")

    assert next_step("r", cut, "cancelled", DEFAULT_POLL) == (
        "Nothing is lost: call resume_run with run_id='r' to go on, or repeat the call within "
        "10 minutes of its being cut off, or answer from the candidates here."
    )
    assert REPEAT_MINUTES * 60 == WINDOW_SECONDS
    ended_by_user = next_step("r", replace(cut, stop_cause="user"), "cancelled", DEFAULT_POLL)
    assert "repeat" not in str(ended_by_user)


def test_a_call_is_told_of_the_run_that_it_shares() -> None:
    assert [joined_text("r", how, has_fresh=True) for how in get_args(Joined)] == [
        "This call joined run r, which an identical call had opened; `fresh: true` asks for "
        "another.",
        "This call goes on with run r, which an identical call had opened and which had stopped; "
        "`fresh: true` asks for another.",
        "This is the result of run r, which an identical call had opened and nobody had received; "
        "`fresh: true` asks for another.",
    ]
    assert joined_text("r", "in_flight", has_fresh=False) == (
        "This call joined run r, which an identical call had opened."
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
