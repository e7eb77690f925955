"""The server as the first process of a container, which ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from tests.support.bare_clients import HELLO, ask, call
from tests.support.held_apis import HeldApi
from tests.support.namespaces import UNSHARE, may_unshare
from tests.support.processes import COMMAND, PATIENCE
from tests.support.systems import posix


def first_process(unshare: int) -> int:
    """Return the number, out here, of the process that is the first in there."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text(encoding="ascii")
    return int(children)


async def until_alone(environ: Mapping[str, str]) -> None:
    """Return once the driver has noticed that its server takes part no more."""
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        with anyio.fail_after(PATIENCE):
            while [one.alone_since for one in await journal.drivers()] in ([], [None]):  # noqa: ASYNC110 - it is written by another process
                await anyio.sleep(0.01)
    finally:
        await journal.aclose()


async def recorded(environ: Mapping[str, str], run_id: str) -> RunState:
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        return RunState.fold(await journal.read(run_id))
    finally:
        await journal.aclose()


@pytest.mark.every_day(0)
@pytest.mark.requirement("GONE-7")
@posix
@pytest.mark.parametrize("end", ["its input", "SIGTERM"])
def test_it_stays_until_the_runs_that_go_on_have_ended(environ: dict[str, str], end: str) -> None:
    if not may_unshare():
        pytest.skip("this user may make no system of processes")
    api, pipe = HeldApi(held={0, 1}), subprocess.PIPE
    with api.reachable(environ):
        unshare = subprocess.Popen([*UNSHARE, *COMMAND], stdin=pipe, stdout=pipe, env=environ)
        try:
            ask(unshare, "initialize", HELLO)
            told = call(unshare, "solve_with_atlas", problem="What is 6 * 7?", wait_s=0)
            assert told["status"] == "running"
            assert api.all_arrived(2)
            if end == "its input":
                assert unshare.stdin is not None
                unshare.stdin.close()
                unshare.stdin = None
            else:
                os.kill(first_process(unshare.pid), signal.SIGTERM)
            anyio.run(until_alone, environ)
            assert unshare.poll() is None
            api.gate.set()
            unshare.communicate(timeout=PATIENCE)
        finally:
            unshare.kill()

    state = anyio.run(recorded, environ, told["run_id"])
    assert state.finished is not None
    assert state.finished.answer == "42"
    assert api.requests == 3
