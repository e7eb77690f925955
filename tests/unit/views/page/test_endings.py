"""How a run stands, in words."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.views.page.endings import state_text, status_text, stop_text, without_answer

BUDGET = Budget(max_explores=8, max_cost_usd=Decimal("1.5"), time_limit_s=1800)


def stopped(reason: StopReason, workflow: str = "atlas", budget: Budget = BUDGET) -> str | None:
    return stop_text("answered", reason, workflow=workflow, budget=budget)


def test_a_status_is_a_heading() -> None:
    assert status_text("running", None) == "Running"
    assert status_text("running", None, waiting="2nd in line") == "Waiting"
    assert status_text("answered", "no_supported_answer") == "No supported answer"
    assert all(status_text(status, None) for status in get_args(Status))


@pytest.mark.parametrize(
    ("status", "reason", "text"),
    [
        ("running", None, "running"),
        ("answered", "decided", "answered"),
        ("cancelled", "cancelled", "cancelled"),
        ("answered", "deadline", "answered: out of time"),
        ("answered", "no_supported_answer", "no supported answer"),
    ],
)
def test_a_state_says_why_a_run_ended_where_its_status_does_not(
    status: Status, reason: StopReason | None, text: str
) -> None:
    assert state_text(status, reason) == text


def test_every_end_has_a_sentence() -> None:
    assert stopped("max_explores") == "It stopped at its limit of 8 explores."
    assert stopped("max_cost") == "It stopped at its cap of $1.50."
    assert stopped("max_cost", budget=Budget(max_cost_usd=None)) == "It stopped at its cap."
    assert stopped("decided", "explore") == "All explores that were asked for are done."
    assert stopped("decided", "majority:5") == "The workflow came to its end."
    for reason in get_args(StopReason):
        assert (stopped(reason) or "").endswith(".")
    assert stop_text("running", None, workflow="atlas", budget=BUDGET) is None
    assert "it can go on" in (stop_text("interrupted", None, workflow="a", budget=BUDGET) or "")


def missing(
    status: Status,
    reason: StopReason | None = None,
    workflow: str = "atlas",
    waiting: str | None = None,
) -> str:
    return without_answer(status, reason, workflow=workflow, waiting=waiting, found=1, at_work=2)


def test_a_run_without_an_answer_says_why() -> None:
    assert missing("running") == "No answer yet: 1 candidate so far, 2 explores at work."
    assert missing("running", waiting="2nd in line") == "2nd in line"
    assert "better than a guess" in missing("answered", "no_supported_answer")
    assert "gathers candidates" in missing("answered", "decided", workflow="explore")
    assert missing("cancelled", "cancelled") == "There is no answer yet; the evidence is kept."
    assert missing("failed", "error") == "There is no answer."
