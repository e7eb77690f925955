"""The line that a client shows beside a call: where the run stands."""

from __future__ import annotations

from dataclasses import replace

from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.views.status import explore_text, outcome_text, status_line
from tests.support.played_runs import a_run, failed, found, play, refined, remark


def test_a_run_gets_ready_once_and_reads_what_came_between_its_calls() -> None:
    states = play(a_run()).live
    idle = [
        one
        for one in states
        if not one.solvers_in_flight and not one.turn_in_flight and one.finished is None
    ]
    said = [
        (bool(one.done or one.unread), status_line(LiveRun("run-1", one), now=one.at))
        for one in idle
    ]

    assert {begun for begun, _ in said} == {False, True}
    for begun, line in said:
        assert line.startswith("reading replies" if begun else "getting ready"), line


def test_a_critic_is_no_failed_explore() -> None:
    clean = refined(found("41"), remark(), found("42"), remark("Fine.", satisfied=True))
    broken = refined(found("41"), remark(), failed())

    def line(state: RunState) -> str:
        return status_line(LiveRun("run-1", state), now=state.at)

    assert "2 candidates · " in line(clean.state)
    assert "1 candidate, 1 explore failed · " in line(broken.state)


def test_a_call_in_another_role_is_named_by_it() -> None:
    run = play(a_run(workflow="self-refine", max_explores=3), solve=lambda _: found("41"))
    [first, critic] = [explore_text(run.state, run.state.explores[number]) for number in (1, 2)]

    assert first.endswith("drafter")
    assert critic.endswith("critic")
    assert (
        outcome_text(replace(run.state.explores[2], outcome=remark())) == "The last step is wrong."
    )
