"""The prompts, as a client sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import TextContent

from tests.support.gated_models import Mode, connected


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


async def test_the_prompts_are_listed_with_their_arguments(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        prompts = (await session.client.list_prompts()).prompts

    arguments = {one.name: [each.name for each in one.arguments or ()] for one in prompts}
    assert arguments == {
        "atlas": ["problem", "solver", "strategy"],
        "solve": ["problem", "solver", "effort"],
    }
    assert all(one.title and one.description for one in prompts)
    assert all(each.description for one in prompts for each in one.arguments or ())
    assert not any(each.required for one in prompts for each in one.arguments or ())


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


@pytest.mark.parametrize("name", ["atlas", "solve"])
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
async def test_a_prompt_works_where_a_client_hands_on_a_word_or_nothing(
    tmp_path: Path,
    mode: Mode,
    name: str,
    given: dict[str, str] | None,
    holds: str,
    lacks: str,
) -> None:
    async with connected(tmp_path, mode) as session:
        (message,) = (await session.client.get_prompt(name, given)).messages

    assert isinstance(message.content, TextContent)
    assert holds in message.content.text
    assert lacks not in message.content.text


@pytest.mark.requirement("APP-3")
async def test_the_prompt_solve_makes_the_client_delegate(tmp_path: Path, mode: Mode) -> None:
    given = {"problem": "6 * 7?", "solver": "demo", "effort": "high"}
    async with connected(tmp_path, mode) as session:
        (message,) = (await session.client.get_prompt("solve", given)).messages

    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    text = message.content.text
    assert text.endswith("<problem>\n6 * 7?\n</problem>")
    for word in ("`solve_with_atlas`", "`get_run`", '["demo"]', '`explore_effort`: "high"'):
        assert word in text
