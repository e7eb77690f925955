"""Updates of runs over HTTP: on the stream of a session, and on that of a request."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from atlas_mcp.server.subscriptions import RunChanges
from tests.support.gated_models import Mode, until
from tests.support.loopback_servers import Served, served
from tests.support.updates import tasks_of_updates, told


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


@pytest.fixture(autouse=True)
def told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunChanges.__init__, "__defaults__", (0.01, 0.01))


async def half_done(server: Served, mode: Mode) -> str:
    """Open a run, and return its URI once one solver is held back."""
    server.model.held = {1}
    view = await server.call(mode, "solve_with_atlas", problem="6 * 7?", wait_s=0)
    await until(lambda: server.model.waiting == 1)
    return f"atlas://runs/{view.run_id}"


async def test_a_client_that_reads_at_each_update_sees_the_end_of_a_run(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path) as server, told(server.url, mode, server.model, server.host) as one:
        uri = await half_done(server, mode)
        async with one.subscribed(uri):
            server.model.gate.set()
            await one.until_told(uri, "answered")

    assert set(one.heard) == {uri}


async def test_nothing_follows_a_run_for_a_client_that_has_gone(tmp_path: Path, mode: Mode) -> None:
    """A session is ended by its client, a stream by hanging up."""
    async with served(tmp_path) as server:
        uri = await half_done(server, mode)
        for _ in range(3):
            client = told(server.url, mode, server.model, server.host)
            async with client as one, one.subscribed(uri):
                await until(lambda: len(tasks_of_updates()) == 1)
            await until(lambda: not tasks_of_updates())


async def test_a_stream_ends_cleanly_with_its_server(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as server,
        told(server.url, "auto", server.model, server.host) as one,
    ):
        uri = await half_done(server, "auto")
        with anyio.fail_after(10):
            async with one.client.listen(resource_subscriptions=[uri]) as updates:
                server.app.turn_away()
                await server.host.leave(grace=0)
                # It would raise if the stream were lost.
                _ = [update async for update in updates]
                await server.app.answered()
