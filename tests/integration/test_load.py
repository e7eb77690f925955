"""Many runs at once; the API is a process of its own. `tests/rigs/load.py` has a thousand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.settings import Settings
from atlas_mcp.runs.capacity import Capacity
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.load_api import ANSWER, CALLS, stand_in
from atlas_mcp.testing.messages_api import API_KEY
from atlas_mcp.views.rendering import view_of

RUNS = 40

LATENCY = (0.0, 0.1)


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The whole program is tested; one loop is enough."""
    return request.param


@pytest.mark.timeout(120)
@pytest.mark.parametrize("capacity", [Capacity(), Capacity(runs=5, calls=3)])
@pytest.mark.every_day(0)
async def test_all_of_many_runs_are_answered_and_no_reply_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capacity: Capacity
) -> None:
    settings = Settings(home=tmp_path, credentials=frozenset({"anthropic"}))
    with stand_in(LATENCY) as stand:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stand.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        async with open_service(settings, capacity=capacity) as service:
            run_ids = [
                await service.solve(make_problem(f"Board {n}?"), RunRequest()) for n in range(RUNS)
            ]
            views = [view_of(await service.wait(run_id, 60)) for run_id in run_ids]
            records = [await service.read(run_id) for run_id in run_ids]
            driven = service.driven

    assert [view.status for view in views] == ["answered"] * RUNS
    assert {(view.answer, view.usage.requests) for view in views} == {(ANSWER, CALLS)}
    assert not driven
    stored = {mark for one in records for mark in re.findall(r"mark-(\d{7})", repr(one))}
    assert set(stand.streamed) <= stored
    assert len(stored) == RUNS * CALLS
    assert stand.most_in_flight <= capacity.calls
