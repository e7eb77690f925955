"""Runs whose server is killed, and the process that goes on with them, on every system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.home_processes import processes_of
from tests.e2e.server.stdio.test_serving import Raw, started
from tests.support.held_apis import HeldApi
from tests.support.processes import PATIENCE, until_recorded
from tests.support.systems import kill
from tests.support.waiting import pause

pytestmark = pytest.mark.every_day(0)


def opened(server: Raw) -> str:
    """Have a run opened, be told that it goes on, and return its id."""
    server.greet()
    call: dict[str, Any] = {
        "name": "solve_with_atlas",
        "arguments": {"problem": "6 * 7?", "wait_s": 0},
    }
    view = server.ask("tools/call", call)["result"]["structuredContent"]
    assert view["status"] == "running"
    return view["run_id"]


async def until_nothing_is_left(environ: dict[str, str]) -> None:
    """Wait for the end of all processes of a home: by its journal, and where the system tells."""
    home = Path(environ["ATLAS_HOME"])
    journal = SqliteJournal(home)
    try:
        with anyio.fail_after(PATIENCE):
            while await journal.drivers() or processes_of(home):
                await pause()
    finally:
        await journal.aclose()


async def state_of(environ: dict[str, str], run_id: str) -> RunState:
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        return RunState.fold(await journal.read(run_id))
    finally:
        await journal.aclose()


@pytest.mark.requirement("GONE-1")
@pytest.mark.requirement("GONE-3")
@pytest.mark.every_day(1)
async def test_a_run_that_was_promised_is_finished_though_its_server_is_killed(
    environ: dict[str, str],
) -> None:
    api = HeldApi(held={0, 1})
    with api.reachable(environ), started(environ) as server:
        run_id = opened(server)
        assert api.all_arrived(2)
        kill(server.process)
        server.process.wait()
        api.gate.set()
        await until_recorded(environ, run_id, lambda state: state.finished is not None)
        await until_nothing_is_left(environ)
        state = await state_of(environ, run_id)

    assert state.finished is not None
    assert (state.finished.status, state.finished.answer) == ("answered", "42")
    assert api.requests == 3


@pytest.mark.requirement("GONE-2")
async def test_a_run_whose_request_waited_stops_with_its_server_and_keeps_what_arrives(
    environ: dict[str, str],
) -> None:
    api = HeldApi(held={0, 1})
    with api.reachable(environ), started(environ) as server:
        server.greet()
        run_id = server.solve()
        assert api.all_arrived(2)
        kill(server.process)
        server.process.wait()
        await until_recorded(environ, run_id, lambda state: state.stop_cause == "client")
        api.gate.set()
        await until_nothing_is_left(environ)
        state = await state_of(environ, run_id)

    assert state.finished is not None
    assert state.finished.status == "cancelled"
    assert [one.id for one in state.candidates] == [1, 2]
    assert api.requests == 2
