"""Runs whose orchestrator is the client: it asks for explores, and weighs the candidates."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.events import ExploresPlanned, Planned, Record, RunFinished, StopRequested
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.workflows.client_explores import gathered
from atlas_mcp.atlas.workflows.registry import WORKFLOWS, workflow_named
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import a_run, failed, play


def test_a_client_gathers_evidence_without_an_orchestrator() -> None:
    spec = a_run(workflow="explore", prefetch=0)
    opened = play(spec)
    planned = ExploresPlanned("client", tuple(Planned(n, Explore("s")) for n in (1, 2)))
    run = play(spec, go_on_from=[*opened.records, Record(opened.state.seq + 1, 9.0, planned)])

    assert run.order == "ss"
    assert (run.end.status, run.end.answer) == ("answered", None)


def test_a_client_can_explore_further_after_a_stop() -> None:
    """Source: the contract, "Either way the run can be resumed", `explore(run_id)`."""
    spec = a_run(workflow="explore", prefetch=0)
    first = ExploresPlanned("client", (Planned(1, Explore("s")),))
    again = ExploresPlanned("client", (Planned(2, Explore("s")),))
    opened = play(spec).records
    stopped = play(
        spec,
        go_on_from=[*opened, Record(len(opened) + 1, 2.0, first)],
        meanwhile=lambda state: StopRequested("user") if state.stop_cause is None else None,
    )
    assert stopped.end.status == "cancelled"

    run = play(spec, go_on_from=[*stopped.records, Record(stopped.state.seq + 1, 9.0, again)])

    assert run.order == "s"
    assert run.end.status == "answered"


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_no_other_workflow_takes_explores_from_a_client(name: str) -> None:
    workflow = workflow_named(name)
    if workflow.gathers:
        workflow.check_further_explores("r")
        return
    with pytest.raises(InvalidInput, match="'r' is a solve_with_atlas run"):
        workflow.check_further_explores("r")


def test_its_end_is_its_candidates_or_what_they_failed_of() -> None:
    assert gathered(play(a_run()).state) == RunFinished("answered", "decided")
    end = gathered(play(a_run(), solve=lambda one: failed("rejected", "no key")).state)
    assert (end.status, end.stop_reason) == ("failed", "no_candidates")
    assert "(2 failed). rejected: no key" in (end.error or "")
