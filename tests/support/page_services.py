"""A run service whose model a test holds back, for what pages show of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from tests.support.gated_models import Gated, until


@dataclass(frozen=True, slots=True)
class Paged:
    """A service, and the model behind it."""

    service: RunService
    model: Gated

    async def answered(self) -> str:
        """Return the id of a run that has its answer."""
        run_id = await self.service.solve(make_problem("6 * 7?"), RunRequest())
        await self.service.wait(run_id, 10)
        return run_id

    async def held(self) -> str:
        """Return the id of a run whose first calls are in flight, until the gate is set."""
        self.model.held = {0, 1}
        run_id = await self.service.solve(make_problem("6 * 7?"), RunRequest())
        await until(lambda: self.model.waiting == 2)
        return run_id


@asynccontextmanager
async def paged(home: Path) -> AsyncGenerator[Paged]:
    model = Gated()
    settings = Settings(home=home, solvers={"demo": SolverSettings(model=model.name)})
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        try:
            yield Paged(service, model)
        finally:
            model.gate.set()
