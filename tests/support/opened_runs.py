"""Submissions that open runs: two first explores and an orchestrator, or a client's explores."""

from __future__ import annotations

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import ExploresPlanned, Planned
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.workflows.registry import CLIENT_EXPLORES
from atlas_mcp.runs.engine import OpenRun

MODEL = "scripted/test"


def opening(text: str = "6 * 7?", *, max_explores: int = 4) -> OpenRun:
    """Return the submission of a run with an orchestrator."""
    model = ModelSpec(MODEL)
    budget = Budget(max_explores=max_explores, max_cost_usd=None)
    return OpenRun(Problem(text), RunSpec("atlas", model, (SolverSpec("s", model),), budget))


def client_opening(*, count: int = 1) -> OpenRun:
    """Return the submission of a run whose explores a client chooses."""
    model = ModelSpec(MODEL)
    budget = Budget(max_explores=4, max_cost_usd=None, prefetch=0)
    planned = tuple(Planned(number, Explore("s")) for number in range(1, count + 1))
    spec = RunSpec(CLIENT_EXPLORES, None, (SolverSpec("s", model),), budget)
    return OpenRun(Problem("6 * 7?"), spec, ExploresPlanned("client", planned))
