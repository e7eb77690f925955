"""Models behind their gates: one gate an endpoint."""

from __future__ import annotations

from pathlib import Path

import anyio

from atlas_mcp.models.gate import Gated
from tests.support.pools import HERE, pool


async def test_the_gate_of_an_endpoint_is_as_narrow_as_its_narrowest_entry(tmp_path: Path) -> None:
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(tmp_path, {"a": {**entry, "parallel": 9}, "b": {**entry, "parallel": 1}})
    a, b = [await made.model(solver.spec) for solver in made.solvers(None)]
    entered: list[str] = []

    async def ask(model: Gated) -> None:
        async with model.gate.passing(model.name):
            entered.append(model.name)
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, a)
        tasks.start_soon(ask, b)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await made.aclose()

    assert len(entered) == 1
