"""A service whose scripted model solves, synthesizes and answers questions."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.question_prompts import SYSTEM
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.scripted import Recording


def reply(answer: str = "It fails in step 2.", needs: str | None = None) -> str:
    return json.dumps({"answer": answer, "cites": [1], "needs_new_evidence": needs})


@dataclass
class AskedWorld:
    """A service over a scripted model, whose replies to questions can be held back."""

    home: Path
    asked: int = 0
    seconds: float = 0.0
    needs: str | None = None
    model: Recording = field(init=False)

    def __post_init__(self) -> None:
        self.model = Recording(self._play)

    def _play(self, request: ModelRequest) -> Says:
        if request.system == SYSTEM:
            self.asked += 1
            return Says(reply(needs=self.needs), seconds=self.seconds)
        return Says(synthesis_text("42") if request.tools else candidate_text("42"))

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, solvers={"s": SolverSettings(model=self.model.name)})

    @asynccontextmanager
    async def service(self) -> AsyncGenerator[RunService]:
        settings = self.settings
        with anyio.fail_after(15):
            pool = Pool(settings, {self.model.name: self.model})
            async with open_service(settings, pool=pool) as service:
                yield service

    async def answered(self, service: RunService) -> str:
        run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
        run = await service.wait(run_id, 10)
        assert run.status == "answered"
        return run_id
