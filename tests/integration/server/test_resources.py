"""Resources, the prompt and completion, as a client sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mcp import MCPError
from mcp_types import (
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
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


async def test_resources_and_the_prompt_are_listed(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        resources = (await session.client.list_resources()).resources
        templates = (await session.client.list_resource_templates()).resource_templates
        prompts = (await session.client.list_prompts()).prompts

    assert "atlas://solvers" in [str(one.uri) for one in resources]
    assert "atlas://runs/{run_id}" in [one.uri_template for one in templates]
    assert "atlas" in [one.name for one in prompts]
    assert all(one.description for prompt in prompts for one in prompt.arguments or ())
    assert all(one.description for one in (*resources, *templates, *prompts))


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


async def test_a_run_that_is_not_there_cannot_be_read(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        with pytest.raises(MCPError, match="nowhere") as caught:
            await session.client.read_resource("atlas://runs/nowhere")

    assert caught.value.error.code == INVALID_PARAMS


@pytest.mark.requirement("TOOL-13")
async def test_the_prompt_makes_the_client_the_orchestrator(tmp_path: Path, mode: Mode) -> None:
    problem = "How many {braces} are in {problem}?"
    async with connected(tmp_path, mode) as session:
        prompt = await session.client.get_prompt("atlas", {"problem": problem})

    (message,) = prompt.messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    assert message.content.text.endswith(f"<problem>\n{problem}\n</problem>")
    assert "`explore`" in message.content.text


@pytest.mark.parametrize(
    ("given", "holds", "lacks"),
    [
        (None, "the user's message", "<problem>"),
        ({}, "the user's message", "<problem>"),
        ({"problem": " "}, "the user's message", "<problem>"),
        ({"problem": "How"}, "only the first word", "in this turn"),
        ({"problem": "How many?"}, "<problem>\nHow many?", "first word"),
    ],
)
async def test_the_prompt_works_where_a_client_hands_on_a_word_or_nothing(
    tmp_path: Path, mode: Mode, given: dict[str, str] | None, holds: str, lacks: str
) -> None:
    async with connected(tmp_path, mode) as session:
        (message,) = (await session.client.get_prompt("atlas", given)).messages

    assert isinstance(message.content, TextContent)
    assert holds in message.content.text
    assert lacks not in message.content.text


async def test_run_ids_are_completed_and_nothing_else(tmp_path: Path, mode: Mode) -> None:
    run = ResourceTemplateReference(uri="atlas://runs/{run_id}")
    async with connected(tmp_path, mode) as session:
        ids = [(await session.view("explore", problem=f"{n}?", count=1)).run_id for n in range(3)]
        every = await session.client.complete(run, {"name": "run_id", "value": ""})
        one = await session.client.complete(run, {"name": "run_id", "value": ids[0]})
        none = await session.client.complete(run, {"name": "run_id", "value": "no such"})
        other = await session.client.complete(
            PromptReference(name="atlas"), {"name": "problem", "value": "W"}
        )

    assert every.completion.values == ids[::-1]
    assert one.completion.values == [ids[0]]
    assert none.completion.values == other.completion.values == []
