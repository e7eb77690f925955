"""Pictures, from the caller to the wire: to every solver, and to the orchestrator."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
import uvicorn
from mcp import Client
from typing_extensions import override

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import MAX_PROBLEM_BYTES, Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs.caller_images import MAX_IMAGES, MAX_IMAGES_BYTES
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.server.app import make_server
from atlas_mcp.server.http.app import http_app
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES
from atlas_mcp.testing.atlas_api import explores, synthesis_text
from atlas_mcp.testing.messages_api import ApiReply, Fault, MessagesApi
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.pictures import KINDS, data_url, drawn, moving, noise, picture, read, saved
from tests.support.worlds import World, opened_world

Mode = Literal["auto", "legacy"]
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])
ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""For the server, whose own entry point runs on asyncio."""

ADDRESS = "https://example.org/a.png"
PX = 1_568
"""The longer side of a picture as the model below takes it: smaller than others, and so quicker."""

FILE = """
[orchestrator]
model = "anthropic/claude-opus-4-6"
[solvers.eyes]
model = "anthropic/claude-sonnet-4-6"
[solvers.blind]
model = "scripted/demo"
"""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "atlas.toml").write_text(FILE)
    monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "atlas.toml"))
    with opened_world(monkeypatch, attempts=1) as world:
        yield world


@asynccontextmanager
async def connected(mode: Mode) -> AsyncGenerator[Client]:
    async with Client(make_server(load_settings(os.environ)), mode=mode) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    with anyio.fail_after(15):
        return await client.call_tool(tool, {"problem": "What is shown?", **arguments})


async def tool_view(client: Client, tool: str, **arguments: Any) -> RunView:
    result = await call(client, tool, **arguments)
    assert not result.is_error, result.content
    return RunView.model_validate(result.structured_content)


def source(content: bytes, media_type: str) -> dict[str, str]:
    data = base64.b64encode(content).decode()
    return {"type": "base64", "media_type": media_type, "data": data}


# To the wire


@ON_ASYNCIO
@MODES
async def test_every_kind_reaches_solvers_and_orchestrator_as_it_came(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """By data URL, by file and by address, in the order in which they were named."""
    monkeypatch.setenv("ATLAS_IMAGES_FOLDERS", str(tmp_path))
    for kind in KINDS:
        (tmp_path / f"of.{kind}").write_bytes(drawn(kind, (30, 20)))
    named = [
        *(data_url(drawn(kind), media_type) for kind, media_type in KINDS.items()),
        "of.PNG",
        str(tmp_path / "of.JPEG"),
        (tmp_path / "of.WEBP").as_uri(),
        ADDRESS,
    ]
    assert len(named) == MAX_IMAGES

    async with connected(mode) as client:
        view = await tool_view(client, "solve_with_atlas", images=named)

    assert view.status == "answered"
    assert (world.play.solvers_asked, world.play.turns_asked) == (2, 1)
    expected = [
        *(source(drawn(kind), media_type) for kind, media_type in KINDS.items()),
        *(source(drawn(kind, (30, 20)), KINDS[kind]) for kind in ("PNG", "JPEG", "WEBP")),
        {"type": "url", "url": ADDRESS},
    ]
    assert world.pictures() == [expected] * 3


@ON_ASYNCIO
@MODES
async def test_larger_ones_reach_both_made_smaller(world: World, mode: Mode) -> None:
    async with connected(mode) as client:
        await tool_view(
            client,
            "solve_with_atlas",
            images=[data_url(drawn(kind, (1_600, 200))) for kind in KINDS],
        )

    first, *others = world.pictures()
    assert others == [first] * 2
    shown = [read(one["data"]) for one in first]
    assert [one.size for one in shown] == [(PX, PX // 8)] * 4
    assert [one.format for one in shown] == ["PNG", "JPEG", "PNG", "WEBP"]
    assert [one["media_type"] for one in first] == [
        KINDS[one] for one in ("PNG", "JPEG", "PNG", "WEBP")
    ]


async def test_each_model_gets_a_picture_as_it_takes_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "atlas.toml").write_text(
        FILE.replace('sonnet-4-6"', 'sonnet-5-5"\nmax_image_px = 500')
    )
    async with world.service() as service:
        image = Image("image/png", base64.b64encode(drawn("PNG", (1_700, 10))).decode())
        run_id = await service.solve(Problem("What is shown?", (image,)), RunRequest())
        await service.wait(run_id, 10)

    sizes = {
        body["model"]: read(sent[0]["data"]).width
        for body, sent in zip(world.api.bodies, world.pictures(), strict=True)
    }
    assert sizes == {"claude-sonnet-5-5": 500, "claude-opus-4-6": PX}


async def test_too_many_bytes_for_the_api_are_made_fewer(world: World) -> None:
    """The stand-in refuses a picture of more than 5 MB in base64, as the API does."""
    content = saved(picture((1_400, 1_000)), compress_level=0)
    assert len(content) * 4 / 3 > 5_242_880
    async with world.service() as service:
        image = Image("image/png", base64.b64encode(content).decode())
        run_id = await service.solve(Problem("What is shown?", (image,)), RunRequest())
        view = view_of(await service.wait(run_id, 10))

    assert view.status == "answered"
    assert [read(one["data"]).size for (one,) in world.pictures()] == [(1_400, 1_000)] * 3


async def test_of_a_picture_that_moves_the_models_see_the_beginning(world: World) -> None:
    async with world.service() as service:
        image = Image("image/gif", base64.b64encode(moving("GIF")).decode())
        run_id = await service.solve(Problem("What is shown?", (image,)), RunRequest())
        await service.wait(run_id, 10)

    assert {one["media_type"] for (one,) in world.pictures()} == {"image/png"}


def has_five_calls(api: MessagesApi) -> bool:
    return api.requests == 5


@pytest.mark.every_day(0)
@ON_ASYNCIO
async def test_the_orchestrators_conversation_stays_as_it_was_in_another_process(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in takes thinking back only after the very bytes that it was written for."""
    (tmp_path / "atlas.toml").write_text(FILE.replace("opus-4-6", "opus-5-5"))
    monkeypatch.setenv("ATLAS_BUDGET_MAX_COST_USD", "none")
    content = saved(noise((700, 400)), "JPEG")
    hangs = Fault("stall", after=0, seconds=3_600)
    world.play.orchestrator = (explores({"strategy": "decompose"}), hangs)
    monkeypatch.setenv("ATLAS_ORCHESTRATOR_MAX_IMAGE_PX", "300")
    async with world.service() as service:
        image = Image("image/jpeg", base64.b64encode(content).decode())
        run_id = await service.solve(Problem("What is shown?", (image,)), RunRequest())
        # Two solvers, a turn, the explore it asks for, and the turn that is never answered.
        assert await anyio.to_thread.run_sync(world.api.wait_for, has_five_calls)
    world.play.orchestrator = (ApiReply(text=synthesis_text("42")),)

    done = await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-m", "atlas_mcp", "runs", "resume", run_id],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
    )

    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    asked = [raw for raw in world.api.raw_bodies if b'"tools"' in raw]
    pictures = {
        sent[0]["data"]
        for body, sent in zip(world.api.bodies, world.pictures(), strict=True)
        if "tools" in body
    }
    assert len(asked) == 3
    assert len(pictures) == 1
    assert read(pictures.pop()).width == 300


# Who gets them


async def test_entries_that_cannot_see_are_left_out_and_the_run_says_so(world: World) -> None:
    problem = Problem("What is shown?", (Image(url=ADDRESS),))
    async with world.service() as service:
        for wish in (RunRequest(), RunRequest(solvers=["blind", "eyes"])):
            run_id = await service.solve(problem, wish)
            view = view_of(await service.wait(run_id, 10))

            assert {one.solver for one in view.candidates} == {"eyes"}
            assert "Solver 'blind' was left out: it cannot see pictures." in view.agreement.warnings
            # One solver is left: two candidates that agree are enough.
            assert len(view.candidates) == 2


async def test_explores_of_a_client_go_to_who_sees(world: World) -> None:
    problem = Problem("What is shown?", (Image(url=ADDRESS),))
    async with world.service() as service:
        run_id = await service.explore(problem, RunRequest(), ExploreRequest(count=2))
        view = view_of(await service.wait(run_id, 10))
        with pytest.raises(InvalidInput, match="'blind' is not in this run: it cannot see"):
            await service.explore(problem, RunRequest(), ExploreRequest("blind"), run_id=run_id)
        with pytest.raises(InvalidInput, match="`images`: 'blind' cannot see"):
            await service.explore(problem, RunRequest(), ExploreRequest("blind"))

    assert [one.solver for one in view.candidates] == ["eyes", "eyes"]
    assert world.pictures() == [[{"type": "url", "url": ADDRESS}]] * 2


async def test_further_explores_need_not_repeat_the_pictures(world: World) -> None:
    problem = Problem("What is shown?", (Image(url=ADDRESS),))
    async with world.service() as service:
        run_id = await service.explore(problem, RunRequest(), ExploreRequest())
        await service.wait(run_id, 10)
        for again in (problem, replace(problem, images=())):
            await service.explore(again, RunRequest(), ExploreRequest(), run_id=run_id)
            await service.wait(run_id, 10)
        other = replace(problem, images=(Image(url=f"{ADDRESS}?2"),))
        with pytest.raises(InvalidInput, match="`images`: are not those of run"):
            await service.explore(other, RunRequest(), ExploreRequest(), run_id=run_id)

    assert world.pictures() == [[{"type": "url", "url": ADDRESS}]] * 3


async def test_the_orchestrator_must_see_what_it_weighs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem("What is shown?", (Image(url=ADDRESS),))
    monkeypatch.setenv("ATLAS_ORCHESTRATOR_IMAGES", "false")
    async with world.service() as service:
        with pytest.raises(InvalidInput, match="orchestrator 'anthropic/claude-opus-4-6' cannot"):
            await service.solve(problem, RunRequest())
        assert await service.list_runs() == ()
    assert world.api.requests == 0

    monkeypatch.delenv("ATLAS_ORCHESTRATOR_IMAGES")
    default = '"anthropic/claude-sonnet-5-5"'
    (tmp_path / "atlas.toml").write_text(
        '[solvers.eyes]\nmodel = "anthropic/claude-sonnet-4-6"\n'
        f"[solvers.{default}]\nmodel = {default}\nimages = false\n"
    )
    async with world.service() as service:
        run_id = await service.solve(problem, RunRequest())
        view = view_of(await service.wait(run_id, 10))
        spec = (await service.state(run_id)).spec

    assert view.status == "answered"
    assert spec.orchestrator is not None
    assert spec.orchestrator.model == "anthropic/claude-sonnet-4-6"


async def test_a_picture_of_an_older_run_that_cannot_be_decoded_costs_nothing(
    world: World,
) -> None:
    problem = Problem("What is shown?", (Image("image/png", "iVBORw0KGgo="),))
    async with world.service() as service:
        run_id = await service.solve(problem, RunRequest())
        view = view_of(await service.wait(run_id, 10))

    assert (view.status, view.stop_reason) == ("failed", "no_candidates")
    assert view.explanation is not None
    assert "picture" in view.explanation
    assert (view.cost_usd, view.usage.requests, view.agreement.warnings) == (
        0, 0, ["Solver 'blind' was left out: it cannot see pictures."],
    )  # fmt: skip
    assert world.api.requests == 0


async def test_the_journal_keeps_pictures_as_they_came(world: World) -> None:
    content = drawn("WEBP", (2_000, 20))
    image = Image("image/webp", base64.b64encode(content).decode())
    async with world.service() as service:
        run_id = await service.solve(Problem("What is shown?", (image,)), RunRequest())
        await service.wait(run_id, 10)
        records = await service.read(run_id)

    assert RunState.fold(records).problem.images == (image,)


# Refused before anything is spent


@ON_ASYNCIO
@MODES
async def test_a_file_that_may_not_be_read_is_refused_by_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(drawn("PNG"))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "half.png").write_bytes(drawn("PNG")[:50])
    (folder / "text.png").write_bytes(b"text")
    monkeypatch.setenv("ATLAS_IMAGES_FOLDERS", str(folder))
    refused = {
        "../secret.png": "is outside the folders",
        "link.png": "is outside the folders",
        str(tmp_path / "secret.png"): "is outside the folders",
        "half.png": "is cut off",
        "text.png": "is no PNG, JPEG, GIF or WebP",
    }
    async with connected(mode) as client:
        for tool in ("solve_with_atlas", "explore"):
            for name, says in refused.items():
                result = await call(client, tool, images=[ADDRESS, name])
                assert result.is_error
                assert "`images[1]`" in result.content[0].text
                assert says in result.content[0].text

    assert world.api.requests == 0


# Over HTTP


class Quiet(uvicorn.Server):
    """A server that leaves signals to the tests, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@ON_ASYNCIO
async def test_pictures_come_in_over_http_that_are_larger_than_requests_usually_are(
    world: World,
) -> None:
    content = drawn("PNG", (300, 200))
    large = content + bytes(5_000_000 - len(content))
    server = Quiet(
        uvicorn.Config(http_app(make_server(load_settings(os.environ))), port=0, log_level="error")
    )
    views: list[RunView] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        await server.ready.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            views.append(await tool_view(client, "explore", images=[data_url(large)]))
        server.should_exit = True

    assert [one.status for one in views[0].candidates] == ["ok"]
    assert [read(one["data"]).size for one in world.pictures()[0]] == [(300, 200)]
    # Base64 makes four bytes of three; every character of a problem can be escaped in six.
    assert MAX_MESSAGE_BYTES > MAX_IMAGES_BYTES * 4 / 3 + MAX_PROBLEM_BYTES * 6
