from __future__ import annotations

import pytest

from atlas_mcp.atlas.workflows.registry import (
    WORKFLOWS,
    choices,
    summaries,
    workflow_asked_for,
    workflow_named,
    workflow_of,
)
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import a_run


def test_every_workflow_is_found_by_its_name() -> None:
    for name in WORKFLOWS:
        workflow = workflow_named(name)
        assert not (workflow.orchestrated and workflow.gathers)


def test_the_loop_is_the_default_and_a_client_s_explores_are_not_to_be_asked_for() -> None:
    assert workflow_asked_for(None).orchestrated
    assert choices().startswith("atlas, majority[:N], ")
    assert "explore" not in choices()
    assert "guarded" not in choices() + summaries()
    assert summaries().startswith("atlas (default): an orchestrator")
    assert "majority[:N]: the most common answer of N solvers" in summaries()
    for name in ("explore", "guarded"):
        with pytest.raises(InvalidInput, match=f"there is no workflow '{name}'; there are atlas"):
            workflow_asked_for(name)


@pytest.mark.parametrize("name", ["votes", "Atlas", "atlas:3", "explore:1", "", ":", "majority:"])
def test_a_name_that_means_nothing_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidInput, match="workflow"):
        workflow_named(name)


def test_an_option_bounds_the_explores() -> None:
    assert workflow_named("majority").explores is None
    assert workflow_named("majority:5").explores == 5
    assert workflow_named("self-refine").explores is None
    assert workflow_named("self-refine:3").explores == 7
    assert workflow_of(a_run(workflow="majority:5")).explores == 5
