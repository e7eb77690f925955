"""A client that gives up twice after the same time is answered before."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult, Implementation

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.server import patience
from atlas_mcp.server.app import make_server
from atlas_mcp.server.patience import ClientPatience
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import Gated, GivenHost, until

TIME_OUT = 0.6
"""Seconds after which the client of these tests gives a call up."""

LEAST = 0.1
"""Seconds from which on their servers learn."""

QUESTIONS: dict[str, dict[str, Any]] = {
    "solve_with_atlas": {"problem": "6 * 7?", "wait_s": 600},
    "explore": {"problem": "6 * 7?"},
}


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may cut the next call a little later, and within the second."""
    monkeypatch.setattr(patience, "ALIKE_SECONDS", 30.0)
    monkeypatch.setattr(patience, "ONE_GESTURE_SECONDS", 0.0)


@asynccontextmanager
async def hasty(home: Path) -> AsyncGenerator[tuple[Client, Gated]]:
    """Connect a client to a server of its own, whose solvers are held back.

    In the era with a handshake: in memory, the SDK's client of the other cancels without a message.
    """
    model = Gated()
    model.held = set(range(100))
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=0),
    )
    host = GivenHost(settings, model)
    host.patience = ClientPatience(host.service, host.client_gone, least=LEAST)
    info = Implementation(name="hasty", version="1")
    async with Client(make_server(settings, host=host), mode="legacy", client_info=info) as client:
        yield client, model


async def give_up(client: Client, tool: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(MCPError, match=r"(?i)timed out"):
        await client.call_tool(tool, arguments, read_timeout_seconds=TIME_OUT)


def status(result: CallToolResult) -> str:
    return RunView.model_validate(result.structured_content).status


@pytest.mark.requirement("HANG-13")
@pytest.mark.parametrize("tool", QUESTIONS)
async def test_the_third_call_is_answered_before_its_client_gives_it_up(
    tmp_path: Path, tool: str
) -> None:
    """Each call has a server of its own, as with clients that start one for a call."""
    arguments = QUESTIONS[tool]
    for number in range(2):
        async with hasty(tmp_path) as (client, model):
            await give_up(client, tool, {**arguments, "problem": f"6 * {number}?"})
            await until(lambda: model.aborted > 0)
    async with hasty(tmp_path) as (client, _):
        with anyio.fail_after(10):
            result = await client.call_tool(tool, arguments)
            view = RunView.model_validate(result.structured_content)
            looked = await client.call_tool("get_run", {"run_id": view.run_id, "wait_s": 600})

    assert (view.status, status(looked)) == ("running", "running")
    waits = re.findall(r"wait_s=(\d+)", f"{view.next} {looked.structured_content}")
    assert set(waits) == {"1"}


@pytest.mark.requirement("HANG-14")
async def test_one_call_that_is_cancelled_teaches_nothing(tmp_path: Path) -> None:
    async with hasty(tmp_path) as (client, model):
        await give_up(client, "solve_with_atlas", QUESTIONS["solve_with_atlas"])
        await until(lambda: model.aborted > 0)
        model.gate.set()
        result = await client.call_tool("solve_with_atlas", {"problem": "7 * 7?"})

    assert status(result) == "answered"
