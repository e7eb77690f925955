"""Runs as the engine of a test's own process shows them."""

from __future__ import annotations

from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.engine import LocalEngine
from atlas_mcp.runs.service import RunService


def live_run(service: RunService, run_id: str) -> LiveRun | None:
    """Return a run that the service's engine drives at this moment; `None` if it drives it not."""
    assert isinstance(service.engine, LocalEngine)
    driver = service.engine.runs.driver(run_id)
    return None if driver is None else driver.live


def driven(service: RunService, run_id: str) -> LiveRun:
    """Return a run that the service's engine drives at this moment."""
    live = live_run(service, run_id)
    assert live is not None, "the run is not driven here"
    return live
