"""A stand-in for llama.cpp, and the settings of runs on it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

import atlas_mcp.testing
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.config.system_variables import child_environment
from atlas_mcp.models.embedded import llama_process
from atlas_mcp.testing.gguf import model_file
from tests.support.waiting import pause

QUESTION = make_problem("What is 6 * 7?", answer_schema={"type": "integer"})


RUNTIME = Path(*atlas_mcp.testing.__path__) / "llama"


def import_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process and those of embedded models import from a folder before all others.

    An installed package lies beside the real binding, and comes first in a child's path.
    """

    def environment(**more: str) -> dict[str, str]:
        given = child_environment(**more)
        return {**given, "PYTHONPATH": os.pathsep.join((str(folder), given["PYTHONPATH"]))}

    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(llama_process, "child_environment", environment)


@dataclass
class Runtime:
    """The stand-in for llama.cpp, and the files that it is told to run."""

    folder: Path

    @property
    def loads(self) -> list[dict[str, Any]]:
        try:
            text = (self.folder / "loads").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    @property
    def most(self) -> list[int]:
        return json.loads((self.folder / "most").read_text(encoding="utf-8"))

    def file(
        self, name: str = "x.gguf", *, context_tokens: int = 32_768, more: bytes = b""
    ) -> Path:
        path = self.folder / name
        path.write_bytes(model_file(context_tokens=context_tokens) + more)
        return path

    def hold(self, what: str) -> Path:
        held = self.folder / f"hold-{what}"
        held.touch()
        return held


def settings_for(home: Path, *, warm_up: bool = False, **models: object) -> Settings:
    return Settings(
        home=home,
        solvers={
            name: SolverSettings.model_validate(
                entry if isinstance(entry, dict) else {"model": entry}
            )
            for name, entry in models.items()
        },
        server=ServerSettings(warm_up=warm_up, grace_s=0.0, respond_within_s=10),
    )


async def until(path: Path) -> None:
    with anyio.fail_after(15):
        while not await anyio.Path(path).exists():
            await pause()
