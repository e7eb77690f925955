"""A run at work on a terminal: which rows it has."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from rich.console import Console

from atlas_mcp.cli.display import news, picture
from atlas_mcp.runs.live import LiveRun
from tests.support.played_runs import Played, a_run, answers, explores, found, play, refined


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


def told(run: Played) -> list[str]:
    """Return the lines of a run as they are printed."""
    lines: list[str] = []
    for before, state in pairwise(run.live):
        lines += news(before, state, LiveRun("run-1", state))
    return lines


def test_why_the_orchestrator_explores_is_told_before_the_explore_starts() -> None:
    run = play(a_run(), explores({"strategy": "direct"}), answers())

    lines = told(run)

    at = lines.index("orchestrator: asks for #3: Looking further.")
    assert lines[at + 1] == "#3 s direct: started"
    asked = next(state for state in run.live if len(state.explores) == 3)
    assert "orchestrator asks for #3: Looking further." in drawn(replace(run, live=[asked]))


def test_explores_of_the_floor_are_no_wish_of_the_orchestrator() -> None:
    run = play(a_run(prefetch=1), answers())

    assert "orchestrator: wanted to stop too early, so #2 is added" in told(run)
