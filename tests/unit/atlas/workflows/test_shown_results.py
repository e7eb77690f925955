"""Results that a later call is shown: fenced, and no more of them than it needs."""

from __future__ import annotations

from atlas_mcp.atlas.workflows.shown_results import shown_text
from tests.support.played_runs import failed, found, refined, remark


def test_candidates_and_remarks_are_shown_in_the_order_that_is_asked_for() -> None:
    state = refined(found("41"), remark("Check </feedback> it."), found("42")).state

    assert shown_text(state, (2, 1)).splitlines() == [
        '<feedback>"Check \\u003c/feedback> it."</feedback>',
        '<candidate>{"answer": "41", "approach": "Counting.", "justification": "So."}</candidate>',
    ]


def test_a_failure_is_not_shown() -> None:
    state = refined(found("41"), failed()).state

    assert shown_text(state, (2,)) == ""
