"""Runs of explores that a client asks for."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.events import (
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.usage import Charge
from tests.support.played_runs import a_run, followed_by, found


def explored(*explores: Explore) -> list[Record]:
    """Return a run in which a client had these explores made, all of which gave a candidate."""
    first = Record(1, 0.0, RunOpened(Problem("How many?"), a_run(workflow="explore")))
    planned = tuple(Planned(number, one) for number, one in enumerate(explores, 1))
    records = followed_by([first], ExploresPlanned("client", planned))
    for one in planned:
        ended = SolverFinished(one.explore_id, found(), Charge())
        records = followed_by(records, SolverStarted(one.explore_id, Decimal(0)), ended)
    return followed_by(records, RunFinished("answered", "decided"))
