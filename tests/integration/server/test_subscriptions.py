"""Updates of runs without polling, as clients of both eras see them, and the bounds on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import MCPError
from mcp_types import SubscriptionFilter
from mcp_types.jsonrpc import INVALID_PARAMS

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.server import subscriptions
from atlas_mcp.server.app import make_server
from atlas_mcp.server.subscriptions import MOST_OF_A_CLIENT, RunChanges
from tests.support.gated_models import Gated, GivenHost, Mode, Session, connected, until
from tests.support.live_runs import live_run
from tests.support.updates import Told, tasks_of_updates, told

QUESTION = "6 * 7?"


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


@pytest.fixture(autouse=True)
def looked_at_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunChanges.__init__, "__defaults__", (0.01, 0.01))


@asynccontextmanager
async def connected_and_told(home: Path, mode: Mode) -> AsyncGenerator[Told]:
    model = Gated()
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=0),
    )
    host = GivenHost(settings, model)
    async with told(make_server(settings, host=host), mode, model, host) as session:
        yield session


async def half_done(session: Session) -> tuple[str, str]:
    """Open a run, and return its id and URI once one solver is done and one is held back."""
    session.model.held = {1}
    early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
    live = live_run(await session.host.service(), early.run_id)
    assert live is not None
    await until(lambda: session.model.waiting == 1 and len(live.state.votes) == 1)
    return early.run_id, f"atlas://runs/{early.run_id}"


async def test_a_client_that_reads_at_each_update_sees_the_end_of_a_run(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        _, uri = await half_done(session)
        async with session.subscribed(uri):
            session.model.gate.set()
            await session.until_told(uri, "answered")

    assert set(session.heard) == {uri}


@pytest.mark.requirement("TOOL-17")
async def test_a_run_of_another_process_is_told_of_as_well(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as driving, connected_and_told(tmp_path, mode) as session:
        _, uri = await half_done(driving)
        async with session.subscribed(uri):
            driving.model.gate.set()
            await session.until_told(uri, "answered")

    assert set(session.heard) == {uri}


async def test_a_run_that_goes_on_is_told_of_again(tmp_path: Path, mode: Mode) -> None:
    async with connected_and_told(tmp_path, mode) as session, connected(tmp_path, mode) as other:
        run_id, uri = await half_done(session)
        async with session.subscribed(uri):
            await session.view("cancel_run", run_id=run_id)
            await session.until_told(uri, "cancelled")
            session.model.gate.set()
            await other.view("resume_run", run_id=run_id)
            await session.until_told(uri, "answered")


async def test_a_run_that_is_removed_is_told_of_for_the_last_time(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        view = await session.view("explore", problem=QUESTION)
        uri = f"atlas://runs/{view.run_id}"
        async with session.subscribed(uri):
            service = await session.host.service()
            assert await service.remove(await service.list_runs()) == (view.run_id,)
            await until(lambda: not tasks_of_updates())
            assert set(session.heard) == {uri}


async def test_several_runs_are_told_of_apart(tmp_path: Path, mode: Mode) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        first = await session.view("explore", problem=QUESTION)
        second = await session.view("explore", problem=QUESTION)
        uris = [f"atlas://runs/{view.run_id}" for view in (first, second)]
        async with session.subscribed(*uris, uris[0]):
            await session.view("explore", run_id=second.run_id)
            await until(lambda: len(session.heard) > 0)

    assert set(session.heard) == {uris[1]}


REFUSED = {
    "atlas://runs/nowhere": "no run has the id 'nowhere'",
    "atlas://runs": "only runs change: subscribe to atlas://runs/",
    "atlas://runs/": "only runs change",
    "atlas://solvers": "only runs change",
    "atlas://runs/" + "9" * 5_000: "does not change",
    "file:///etc/passwd": "only runs change",
}


@pytest.mark.parametrize("uri", REFUSED, ids=lambda uri: uri[:20])
async def test_what_cannot_change_is_refused_by_name(tmp_path: Path, mode: Mode, uri: str) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        with pytest.raises(MCPError) as caught:
            async with session.subscribed(uri):
                pass

    assert caught.value.error.code == INVALID_PARAMS
    assert REFUSED[uri] in caught.value.error.message
    assert len(caught.value.error.message) < 400


async def test_only_what_works_is_announced(tmp_path: Path, mode: Mode) -> None:
    """Neither tools nor prompts nor the lists of resources change while a server runs."""
    async with connected_and_told(tmp_path, mode) as session:
        announced = session.client.server_capabilities

    assert announced.resources is not None
    assert announced.resources.subscribe is True
    for part in (announced.tools, announced.prompts, announced.resources):
        assert part is not None
        assert not part.list_changed


async def test_a_stream_of_lists_that_do_not_change_is_silent(tmp_path: Path) -> None:
    async with (
        connected_and_told(tmp_path, "auto") as session,
        session.client.listen(tools_list_changed=True) as updates,
    ):
        await session.view("explore", problem=QUESTION)
        assert updates.honored == SubscriptionFilter()
        assert tasks_of_updates() == set()


async def test_nothing_is_told_after_the_end_of_a_subscription(tmp_path: Path, mode: Mode) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        run_id, uri = await half_done(session)
        async with session.subscribed(uri, uri):
            await until(lambda: len(tasks_of_updates()) == 1)
        if mode == "legacy":
            await session.unsubscribe(uri)
            await session.unsubscribe(uri)
        await until(lambda: not tasks_of_updates())
        session.model.gate.set()
        await session.view("get_run", run_id=run_id, wait_s=60)

    assert session.heard == []


async def test_a_client_has_room_for_some_and_a_server_for_many(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected_and_told(tmp_path, mode) as session:
        view = await session.view("explore", problem=QUESTION)
        # Different names of one run.
        uris = [f"atlas://runs/{view.run_id}", *_spelled(view.run_id)]
        with pytest.raises(MCPError, match=f"at most {MOST_OF_A_CLIENT} resources"):
            async with session.subscribed(*uris[: MOST_OF_A_CLIENT + 1]):
                pass
        monkeypatch.setattr(subscriptions, "MOST_OF_ALL", 2)
        if mode == "legacy":
            for uri in uris[:MOST_OF_A_CLIENT]:
                await session.unsubscribe(uri)
            await until(lambda: not tasks_of_updates())
        with pytest.raises(MCPError, match="2 subscriptions, which is its limit"):
            async with session.subscribed(*uris[:3]):
                pass


async def test_those_who_subscribe_at_once_are_all_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "MOST_OF_ALL", 5)
    looked, gate, refused = 0, anyio.Event(), list[MCPError]()

    async def look_together(service: object, uri: str) -> int:
        nonlocal looked
        looked += 1
        if looked == 20:
            gate.set()
        await gate.wait()
        return 0

    async with connected_and_told(tmp_path, "legacy") as session:
        view = await session.view("explore", problem=QUESTION)
        monkeypatch.setattr(subscriptions, "_seq_of", look_together)

        async def subscribe(uri: str) -> None:
            try:
                await session.subscribe(uri)
            except MCPError as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            for uri in _spelled(view.run_id)[:20]:
                tasks.start_soon(subscribe, uri)

    assert len(refused) == 15


def _spelled(run_id: str) -> list[str]:
    letters = list(run_id)
    found: list[str] = []
    for first in range(len(letters)):
        for second in range(first, len(letters)):
            spelled = list(letters)
            for place in {first, second}:
                spelled[place] = f"%{ord(letters[place]):02x}"
            found.append("atlas://runs/" + "".join(spelled))
    return found


async def test_a_stream_ends_cleanly_with_its_server(tmp_path: Path) -> None:
    heard: list[object] = []
    async with connected_and_told(tmp_path, "auto") as session:
        _, uri = await half_done(session)
        with anyio.fail_after(10):
            async with session.client.listen(resource_subscriptions=[uri]) as updates:
                await session.host.leave(grace=0)
                # It would raise if the stream were lost.
                heard.extend([update async for update in updates])

    assert tasks_of_updates() == set()
