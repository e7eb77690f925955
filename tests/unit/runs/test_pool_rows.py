"""The pool as a list: configured entries first, each with its features and whether it is ready."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.vendor import READY
from atlas_mcp.runs.pool_rows import as_dict, pool_json, pool_rows

PRICE = PriceSettings(input=Decimal(2), output=Decimal("0.5"))


class Asked(Pool):
    """A pool whose models answer a check as a test says."""

    answer = "is not reachable"

    @override
    async def check(self, spec: ModelSpec) -> str:
        return self.answer


@pytest.fixture
def pool(tmp_path: Path) -> Asked:
    """A pool of two entries: a scripted one, and one whose key is missing."""
    solvers = {
        "demo": SolverSettings(model="scripted/demo", price=PRICE),
        "keyless": SolverSettings(
            model="openai/m", base_url="https://gpu.example/v1", api_key_env="SOME_KEY"
        ),
    }
    return Asked(Settings(home=tmp_path, solvers=solvers))


async def test_entries_come_first_and_are_the_ones_that_runs_use(pool: Asked) -> None:
    rows = await pool_rows(pool)

    assert [row.name for row in rows[:2]] == ["demo", "keyless"]
    assert [row.default for row in rows[:2]] == [True, True]
    assert all(not row.default for row in rows[2:])
    assert len({row.name for row in rows}) == len(rows)


async def test_only_what_seems_ready_is_asked(pool: Asked) -> None:
    unasked, asked = await pool_rows(pool), await pool_rows(pool, ask=True)

    assert unasked[0].ready == READY
    assert asked[0].ready == "is not reachable"
    assert asked[1].ready == unasked[1].ready
    assert "SOME_KEY" in asked[1].ready


async def test_a_row_in_json_says_its_price_by_the_million(pool: Asked) -> None:
    first, second = (as_dict(row) for row in (await pool_rows(pool))[:2])

    assert first["price_usd_per_million_tokens"] == {"input": 2.0, "output": 0.5}
    assert second["price_usd_per_million_tokens"] is None
    assert json.loads(await pool_json(pool))[0] == first
