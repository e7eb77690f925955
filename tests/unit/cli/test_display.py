"""A run at work on a terminal: which rows it has."""

from __future__ import annotations

import pytest
from rich.console import Console

from atlas_mcp.cli.display import picture
from atlas_mcp.runs.live import LiveRun
from tests.support.played_runs import Played, a_run, found, play, refined


def drawn(run: Played) -> str:
    screen = Console(width=100)
    with screen.capture() as capture:
        screen.print(picture(LiveRun("run-1", run.state), now=run.state.at))
    return capture.get()


@pytest.mark.parametrize(
    ("run", "has_row"),
    [
        (play(a_run()), True),
        (play(a_run(workflow="majority", max_explores=2)), False),
        (refined(found("41"), max_explores=1), False),
    ],
    ids=["atlas", "majority", "self-refine"],
)
def test_an_orchestrator_has_a_row_where_there_is_one(run: Played, *, has_row: bool) -> None:
    assert ("orchestrator" in drawn(run)) == has_row


def test_the_evidence_is_counted_until_candidates_can_agree() -> None:
    assert "1 candidate " in drawn(refined(found("41"), max_explores=1))
    assert "2 of 2 agree" in drawn(play(a_run(workflow="majority", max_explores=2)))
