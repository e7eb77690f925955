"""Server processes, and an API whose answers a test holds back."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from typing_extensions import override

from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import load_settings
from atlas_mcp.journal.sqlite import SqliteJournal
from atlas_mcp.runs.service import open_service
from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

COMMAND = [sys.executable, "-m", "atlas_mcp"]
PATIENCE = 60
"""Seconds for what must happen, on a machine that is busy with other tests, and otherwise too."""


def bare_environ(folder: Path) -> dict[str, str]:
    """Return the environment of a process: nothing of ours but what a test adds."""
    return {
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
) -> None:
    """Wait until the journal that a process writes says so of a run."""
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        with anyio.fail_after(PATIENCE):
            while True:
                if condition(RunState.fold(await journal.read(run_id))):
                    return
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


class HeldApi(MessagesApi):
    """An API that answers some of its calls, by the order of their arrival, once `gate` is set."""

    def __init__(self, *held: int) -> None:
        super().__init__(AtlasPlay())
        self.gate = threading.Event()
        self._held = held
        self._arrived = 0

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._arrived += 1
        if self._arrived - 1 not in self._held:
            await super().__call__(scope, receive, send)
            return

        async def later(message: Message) -> None:
            await anyio.to_thread.run_sync(self.gate.wait, abandon_on_cancel=True)
            await send(message)

        await super().__call__(scope, receive, later)

    def all_arrived(self, calls: int) -> bool:
        """Wait for that many calls; return whether they have come."""
        return self.wait_for(lambda api: api.requests >= calls, PATIENCE)

    @contextmanager
    def reachable(self, environ: dict[str, str]) -> Generator[None]:
        """Serve it to processes with this environment; nothing is held back at the end."""
        with reachable(self, environ):
            try:
                yield
            finally:
                self.gate.set()
