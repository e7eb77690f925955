"""Pools made of entries, as the configuration has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.endpoints import OrchestratorSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.pool import Pool

HERE = "http://127.0.0.1:8000/v1"


THERE = "https://gpu.example.org/v1"


RATES = {"input": "0.2", "output": "0.6"}


GRATIS = Price(FREE, FREE)


KEYS = {preset.key_env: f"key of {preset.vendor}" for preset in PRESETS if preset.key_env}


def pool(
    home: Path,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    orchestrator: Mapping[str, Any] | None = None,
    keys: Mapping[str, str] = KEYS,
    anthropic: bool = True,
) -> Pool:
    return Pool(
        Settings(
            home=home,
            solvers={k: SolverSettings.model_validate(v) for k, v in (entries or {}).items()},
            orchestrator=(
                None if orchestrator is None else OrchestratorSettings.model_validate(orchestrator)
            ),
            keys=dict(keys),
            credentials=frozenset({"anthropic"} if anthropic else ()),
        )
    )


def spec_of(home: Path, **entry: Any) -> ModelSpec:
    [solver] = pool(home, {"x": entry}).solvers(None)
    return solver.spec
