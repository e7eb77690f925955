"""Server processes, and an API whose answers a test holds back."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs.opening import open_service
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

if TYPE_CHECKING:
    pass

COMMAND = [sys.executable, "-m", "atlas_mcp"]
PATIENCE = 60
"""Seconds for what must happen, on a machine that is busy with other tests, and otherwise too."""


def measured() -> dict[str, str]:
    """Return the variables by which a process takes part in the measuring of coverage."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def bare_environ(folder: Path) -> dict[str, str]:
    """Return the environment of a process, to which a test adds its own variables."""
    return {
        **measured(),
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ATLAS_HOME": str(folder / "atlas"),
        "PYTHONWARNINGS": "error",
    }


@contextmanager
def reachable(api: MessagesApi, environ: dict[str, str]) -> Generator[None]:
    with serve(api) as url:
        environ["ANTHROPIC_BASE_URL"] = url
        environ["ANTHROPIC_API_KEY"] = API_KEY
        yield


async def until_recorded(
    environ: Mapping[str, str], run_id: str, condition: Callable[[RunState], bool]
) -> RunState:
    """Return the state of a run once the journal that a process writes says so of it."""
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        with anyio.fail_after(PATIENCE):
            while True:
                state = RunState.fold(await journal.read(run_id))
                if condition(state):
                    return state
                await anyio.sleep(0.01)
    finally:
        await journal.aclose()


async def resumed(
    environ: Mapping[str, str], run_id: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[RunView, RunView]:
    """Return a run as a process has left it, and as it is once it has been resumed here."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with open_service(load_settings(environ)) as service:
        left = view_of(await service.look(run_id))
        await service.resume(run_id)
        with anyio.fail_after(PATIENCE):
            return left, view_of(await service.wait(run_id, math.inf))


def run_cli(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environ, capture_output=True, timeout=PATIENCE, check=False
    )
