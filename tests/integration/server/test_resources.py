"""The resources, as a client sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mcp import MCPError
from mcp_types import TextResourceContents
from mcp_types.jsonrpc import INVALID_PARAMS

from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import (
    Mode,
    connected,
)


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


async def test_the_resources_are_listed(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        resources = (await session.client.list_resources()).resources
        templates = (await session.client.list_resource_templates()).resource_templates

    assert "atlas://solvers" in [str(one.uri) for one in resources]
    assert "atlas://runs/{run_id}" in [one.uri_template for one in templates]
    assert all(one.description for one in (*resources, *templates))


@pytest.mark.requirement("TOOL-12")
async def test_a_run_and_the_pool_can_be_read_as_resources(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        view = await session.view("solve_with_atlas", problem="6 * 7?")
        (run,) = (await session.client.read_resource(f"atlas://runs/{view.run_id}")).contents
        (pool,) = (await session.client.read_resource("atlas://solvers")).contents
        whole = view_of(await (await session.host.service()).look(view.run_id))

    assert isinstance(run, TextResourceContents)
    assert isinstance(pool, TextResourceContents)
    assert run.mime_type == pool.mime_type == "application/json"
    assert RunView.model_validate_json(run.text) == whole
    rows = json.loads(pool.text)
    assert rows[0]["name"] == "demo"
    assert rows[0]["default"] is True


async def test_a_run_can_be_read_as_a_story(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        view = await session.view("solve_with_atlas", problem="6 * 7?")
        uri = f"atlas://runs/{view.run_id}/transcript"
        (story,) = (await session.client.read_resource(uri)).contents
        templates = (await session.client.list_resource_templates()).resource_templates
        with pytest.raises(MCPError, match="nowhere"):
            await session.client.read_resource("atlas://runs/nowhere/transcript")

    assert isinstance(story, TextResourceContents)
    assert story.mime_type == "text/markdown"
    assert story.text.startswith(f"# Run {view.run_id}\n")
    assert "## What happened" in story.text
    assert "atlas://runs/{run_id}/transcript" in [one.uri_template for one in templates]


async def test_a_run_that_is_not_there_cannot_be_read(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        with pytest.raises(MCPError, match="nowhere") as caught:
            await session.client.read_resource("atlas://runs/nowhere")

    assert caught.value.error.code == INVALID_PARAMS
