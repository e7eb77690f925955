"""The line that a client shows beside a call: where the run stands."""

from __future__ import annotations

from dataclasses import replace

from atlas_mcp.atlas.explore import Remark
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.views.status import explore_text, outcome_text, status_line
from tests.support.played_runs import a_run, found, play

REMARK = Remark("The last step is wrong.", satisfied=False)


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


def test_a_call_in_another_role_is_named_by_it() -> None:
    run = play(a_run(workflow="self-refine", max_explores=3), solve=lambda _: found("41"))
    [first, critic] = [explore_text(run.state, run.state.explores[number]) for number in (1, 2)]

    assert first.endswith("direct")
    assert critic.endswith("critic")
    assert outcome_text(replace(run.state.explores[2], outcome=REMARK)) == "The last step is wrong."
