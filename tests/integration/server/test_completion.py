"""Completion, as a client sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import PromptReference, ResourceTemplateReference

from atlas_mcp.atlas.explore import STRATEGIES
from tests.support.gated_models import Mode, connected


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


async def test_run_ids_are_completed(tmp_path: Path, mode: Mode) -> None:
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


@pytest.mark.requirement("APP-4")
async def test_the_arguments_of_prompts_are_completed(tmp_path: Path, mode: Mode) -> None:
    atlas, solve = PromptReference(name="atlas"), PromptReference(name="solve")
    async with connected(tmp_path, mode) as session:
        complete = session.client.complete
        solvers = await complete(solve, {"name": "solver", "value": ""})
        solver = await complete(atlas, {"name": "solver", "value": "DE"})
        strategies = await complete(atlas, {"name": "strategy", "value": ""})
        strategy = await complete(atlas, {"name": "strategy", "value": "work"})
        efforts = await complete(solve, {"name": "effort", "value": ""})
        other = await complete(atlas, {"name": "other", "value": ""})

    assert solvers.completion.values[0] == "demo"
    assert solver.completion.values == ["demo"]
    assert strategies.completion.values == list(STRATEGIES)
    assert strategy.completion.values == ["work_backwards"]
    assert efforts.completion.values == ["low", "medium", "high"]
    assert other.completion.values == []


async def test_a_template_completes_no_argument_of_a_prompt(tmp_path: Path, mode: Mode) -> None:
    run = ResourceTemplateReference(uri="atlas://runs/{run_id}")
    async with connected(tmp_path, mode) as session:
        none = await session.client.complete(run, {"name": "strategy", "value": ""})

    assert none.completion.values == []
