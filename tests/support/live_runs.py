"""Runs as the engine of a test's own process shows them."""

from __future__ import annotations

from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.service import RunService


def driven(service: RunService, run_id: str) -> LiveRun:
    """Return a run that the service's engine drives at this moment."""
    live = service.engine.live(run_id)
    assert live is not None, "the run is not driven here"
    return live
