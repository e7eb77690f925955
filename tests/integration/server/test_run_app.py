"""The MCP App, as hosts that draw it see it, and clients that do not."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp_types import TextResourceContents

from atlas_mcp.server.app import make_server
from atlas_mcp.server.run_app import PAGE_URI
from tests.support.gated_models import Mode, Session, connected, text_of, until

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "app" / "run_page.json"

DRAWN = {"solve_with_atlas", "explore", "get_run", "cancel_run", "resume_run", "ask_run"}
"""The tools whose results are drawn."""


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


@asynccontextmanager
async def hosted(session: Session, mode: Mode, *mime_types: str) -> AsyncGenerator[Client]:
    """Connect a host that draws documents of these types to the service of a session."""
    declared = advertise(EXTENSION_ID, {"mimeTypes": list(mime_types or [APP_MIME_TYPE])})
    server = make_server(None, host=session.host)
    async with Client(server, mode=mode, extensions=[declared]) as client:
        yield client


async def test_both_eras_are_told_that_there_is_a_page(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        capabilities = session.client.server_capabilities

    assert capabilities is not None
    assert capabilities.extensions is not None
    assert EXTENSION_ID in capabilities.extensions


async def test_tools_whose_result_is_a_run_name_its_page(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        tools = (await session.client.list_tools()).tools

    assert {tool.name for tool in tools} == DRAWN
    for tool in tools:
        assert tool.meta == {"ui": {"resourceUri": PAGE_URI}}


@pytest.mark.requirement("APP-1")
async def test_the_tool_of_the_page_is_listed_to_hosts_that_draw_it(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        async with hosted(session, mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        async with hosted(session, mode, "text/plain") as client:
            others = {tool.name for tool in (await client.list_tools()).tools}

    assert set(tools) == {*DRAWN, "run_page"}
    assert tools["run_page"].meta == {"ui": {"resourceUri": PAGE_URI, "visibility": ["app"]}}
    assert others == DRAWN
    shown = tools["run_page"].model_dump(mode="json", by_alias=True, exclude_none=True)
    if os.environ.get("ATLAS_UPDATE_SNAPSHOTS"):
        text = json.dumps(shown, indent=2, sort_keys=True)
        SNAPSHOT.write_text(f"{text}\n", encoding="utf-8")
    assert shown == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


@pytest.mark.requirement("APP-2")
async def test_the_page_is_read_with_its_place_and_needs_no_address(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        (listed,) = [
            one
            for one in (await session.client.list_resources()).resources
            if str(one.uri) == PAGE_URI
        ]
        (page,) = (await session.client.read_resource(PAGE_URI)).contents

    assert isinstance(page, TextResourceContents)
    assert page.mime_type == listed.mime_type == APP_MIME_TYPE
    assert '<script id="atlas-config" type="application/json">{"mode": "app"}</script>' in page.text
    no_domains = {"connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"}
    assert page.meta is not None
    ui = page.meta["ui"]
    assert ui["csp"] == {name: [] for name in no_domains}
    assert ui["permissions"] == {"clipboardWrite": {}}
    assert ui["prefersBorder"] is True
    assert listed.meta == {"ui": ui}


async def test_the_page_follows_a_run_until_its_end(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = {0}
        started = await session.view("solve_with_atlas", problem="6 * 7?", wait_s=0)
        first = await document(session, run_id=started.run_id)
        assert first["live"] is True
        assert first["problem"]["text"] == "6 * 7?"
        news: list[dict[str, Any]] = []

        async def wait() -> None:
            last = await document(session, run_id=started.run_id, since=first["version"], wait_s=9)
            news.append(last)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            session.model.gate.set()
        assert news[0]["version"] > first["version"]
        await session.view("get_run", run_id=started.run_id)
        last = await document(session, run_id=started.run_id, since=news[0]["version"])

    assert last["live"] is False
    assert last["answer"]["text"] == "42"


async def test_what_the_reader_of_a_document_has_is_left_out(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        view = await session.view("solve_with_atlas", problem="6 * 7?")
        whole = await document(session, run_id=view.run_id)
        rest = await document(session, run_id=view.run_id, since=whole["version"])

    assert whole["candidates"]
    assert (rest["partial"], rest["candidates"]) == (True, [])


async def test_the_run_of_a_call_that_is_not_answered_yet_is_found_by_its_problem(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = {0}
        found: list[str] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(document_of, session, "6 * 7?", found)
            await anyio.wait_all_tasks_blocked()
            await session.view("solve_with_atlas", problem="6 * 7?", wait_s=0)
        (run_id,) = found
        other = await session.call("run_page", problem="6 * 8?")
        session.model.gate.set()
        await session.view("get_run", run_id=run_id)
        ended = await session.call("run_page", problem="6 * 7?")

    for refused in (other, ended):
        assert refused.is_error
        assert "no run under way" in text_of(refused)


async def document_of(session: Session, problem: str, found: list[str]) -> None:
    found.append((await document(session, problem=problem, wait_s=9))["run_id"])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "run_id"),
        ({"run_id": "nowhere"}, "nowhere"),
        ({"run_id": "nowhere", "since": -1}, "since"),
        ({"run_id": "nowhere", "wait_s": -1}, "wait_s"),
    ],
)
async def test_a_call_of_the_page_that_cannot_be_is_refused_by_name(
    tmp_path: Path, mode: Mode, arguments: dict[str, Any], word: str
) -> None:
    async with connected(tmp_path, mode) as session:
        refused = await session.call("run_page", **arguments)

    assert refused.is_error
    assert word in text_of(refused)


async def test_a_page_that_is_taken_away_waits_no_more(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = {0, 1}
        view = await session.view("solve_with_atlas", problem="6 * 7?", wait_s=0)
        await until(lambda: session.model.waiting == 2)
        seen = await document(session, run_id=view.run_id)
        with anyio.move_on_after(0.1) as scope:
            await session.call("run_page", run_id=view.run_id, since=seen["version"], wait_s=20)
        still = await session.view("get_run", run_id=view.run_id, wait_s=0)

    assert scope.cancelled_caught
    assert still.status == "running"


async def document(session: Session, **arguments: Any) -> dict[str, Any]:
    """Return the document that a call of the page gives."""
    result = await session.call("run_page", **arguments)
    assert not result.is_error, text_of(result)
    assert len(text_of(result)) < 200
    assert result.structured_content is not None
    return result.structured_content
