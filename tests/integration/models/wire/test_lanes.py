"""Connections that no call needs are closed while the service goes on."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models import pool
from atlas_mcp.models.wire import lanes
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.atlas_api import candidate_text
from atlas_mcp.views.rendering import view_of
from tests.support.raw_servers import answering


async def test_a_connection_is_closed_once_no_call_needs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lanes, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.01)
    choice = {"message": {"content": candidate_text("42")}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    closed = threading.Event()

    def answer(connection: Any) -> None:
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        assert connection.recv(1) == b""
        closed.set()

    with anyio.fail_after(60), answering(answer) as url:
        entry = SolverSettings(
            model="openai/m",
            base_url=f"{url}/v1",
            price=PriceSettings(input=Decimal(1), output=Decimal(1)),
        )
        async with open_service(Settings(home=tmp_path, solvers={"s": entry})) as service:
            run_id = await service.explore(make_problem("6 * 7?"), RunRequest(), ExploreRequest())
            view = view_of(await service.wait(run_id, 30))
            await anyio.to_thread.run_sync(closed.wait, abandon_on_cancel=True)

    assert [one.answer for one in view.candidates] == ["42"]
