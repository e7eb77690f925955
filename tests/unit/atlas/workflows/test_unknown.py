"""A run of a workflow that this version does not know is shown as it is, and never added to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_mcp.atlas.events import Record, RunOpened
from atlas_mcp.atlas.explore_requests import check_same_problem
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.resuming import abandonment, carries_on, resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.registry import choices, workflow_of
from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.played_runs import a_run, play


def of_another_version(records: list[Record]) -> RunState:
    opening = records[0].event
    assert isinstance(opening, RunOpened)
    renamed = replace(opening, spec=replace(opening.spec, workflow="panel:2"))
    return RunState.fold([replace(records[0], event=renamed), *records[1:]])


def test_its_answer_and_its_evidence_are_shown() -> None:
    played = play(a_run(workflow="majority:2", max_explores=2))

    view = view_of(RunSnapshot("abc", of_another_version(list(played.records)), 9.0, driven=False))

    assert (view.status, view.answer, len(view.candidates)) == ("answered", "42", 2)
    assert view.agreement.warnings[-1] == (
        "This version cannot carry the run on: there is no workflow 'panel:2'; there are "
        f"{choices()}."
    )


def test_nothing_is_decided_for_it_and_nothing_added_to_it() -> None:
    opening, *rest = play(a_run(workflow="majority:2")).records
    state = of_another_version([opening, *rest[:1]])

    assert workflow_of(state.spec).why_unknown
    assert not carries_on(state)
    assert next_commands(of_another_version([opening])) == ()
    for change in (
        lambda: resumption(state, max_explores=9),
        lambda: abandonment(state),
        lambda: check_same_problem(state, None, "abc"),
    ):
        with pytest.raises(InvalidInput, match=r"panel:2.*Nothing was added"):
            change()


def test_an_option_that_this_version_does_not_take_is_no_known_workflow() -> None:
    assert workflow_of(a_run(workflow="majority")).why_unknown == ""
    assert workflow_of(replace(a_run(), workflow="majority:1000")).why_unknown
