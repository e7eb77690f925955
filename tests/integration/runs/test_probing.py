"""A probe of the pool is paid under the cap of the day, and what it did not cost is given back."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.spending_rows import committed
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.findings import finding
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.probing.calls import PROBE_CAP_USD
from atlas_mcp.runs.clock import today
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.runs.probing import ProbeRow, probe_pool
from atlas_mcp.testing.chat_api import API_KEY, ApiReply, ChatApi, ChatEndpoint, Fault, serve
from atlas_mcp.testing.chat_shapes import instance, schema_of
from tests.support.waiting import pause

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
PLAIN = ChatEndpoint()

pytestmark = pytest.mark.may_block("tests look into the file themselves")


def ready(body: dict[str, Any]) -> ApiReply:
    """Play a model that keeps to the shape that is held, and otherwise says little."""
    schema = schema_of(body)
    if schema is not None:
        return ApiReply(text=json.dumps(instance(schema)))
    return ApiReply(text="{}" if "response_format" in body else "Ready.")


def committed_today(home: Path) -> Decimal:
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        dollars = committed(connection, today())
    finally:
        connection.close()
    assert dollars is not None, "each amount can be read"
    return dollars


def was_asked(api: ChatApi) -> bool:
    return api.requests > 0


def settings_of(home: Path, entries: dict[str, str]) -> Settings:
    price = PriceSettings(input=Decimal(1), output=Decimal(10))
    solvers = {
        name: SolverSettings(
            model="openai/m", base_url=f"{url}/v1", api_key_env="MY_KEY", price=price
        )
        for name, url in entries.items()
    }
    return Settings(home=home, solvers=solvers, keys={"MY_KEY": API_KEY})


async def ask_all(
    home: Path,
    entries: dict[str, str],
    *,
    cap: Decimal | None = None,
    began: list[str] | None = None,
) -> tuple[ProbeRow, ...]:
    """Ask all models, under a cap for the day: by default one that bears it once."""
    pool, journal = Pool(settings_of(home, entries)), SqliteJournal(home)
    day = DaySpending(journal, PROBE_CAP_USD * len(entries) if cap is None else cap)
    log: list[str] = [] if began is None else began
    try:
        return await probe_pool(
            pool,
            day,
            on_begin=lambda: log.append("begun"),
            on_probed=lambda row: log.append(row.model),
        )
    finally:
        with anyio.CancelScope(shield=True):
            await pool.aclose()
            await journal.aclose()


@on_asyncio
async def test_what_was_held_for_questions_is_settled_where_no_finding_can_be_kept(
    tmp_path: Path,
) -> None:
    (tmp_path / "endpoints.json").mkdir()
    api = ChatApi(PLAIN, ready)
    with serve(api) as url, pytest.raises(ConfigError, match="cannot be written"):
        await ask_all(tmp_path, {"one": url})

    assert api.requests > 0
    assert 0 < committed_today(tmp_path) < PROBE_CAP_USD / 2


@on_asyncio
async def test_of_questions_that_are_broken_off_what_was_not_heard_of_counts_as_spent(
    tmp_path: Path,
) -> None:
    """One model is asked and does not answer; another has been asked everything."""
    silent = ChatApi(PLAIN, lambda body: Fault("stall", after=0, seconds=3_600))
    with serve(ChatApi(PLAIN, ready)) as url, serve(silent) as other:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask_all, tmp_path, {"heard": url, "silent": other})
                while not finding(tmp_path, f"{url}/v1", "openai/m").checked:
                    await pause()
                await anyio.to_thread.run_sync(silent.wait_for, was_asked)
                tasks.cancel_scope.cancel()

    assert PROBE_CAP_USD < committed_today(tmp_path) < PROBE_CAP_USD * Decimal("1.5")


@on_asyncio
async def test_a_model_that_is_not_there_holds_nothing_of_the_day(tmp_path: Path) -> None:
    await ask_all(tmp_path, {"gone": "http://127.0.0.1:9"})

    assert committed_today(tmp_path) == 0


@on_asyncio
async def test_findings_are_told_as_they_come_and_their_cost_is_counted(tmp_path: Path) -> None:
    told: list[str] = []
    with serve(ChatApi(PLAIN, ready)) as url:
        rows = await ask_all(tmp_path, {"one": url}, began=told)

    assert told == ["begun", "openai/m"]
    assert [row.model for row in rows] == ["openai/m"]
    assert 0 < sum(row.paid for row in rows) == committed_today(tmp_path)


@on_asyncio
async def test_a_day_that_cannot_bear_it_refuses_the_probe_before_its_first_call(
    tmp_path: Path,
) -> None:
    api = ChatApi(PLAIN, ready)
    told: list[str] = []
    with serve(api) as url, pytest.raises(ConfigError, match="asking all models may cost"):
        await ask_all(tmp_path, {"one": url}, cap=PROBE_CAP_USD / 2, began=told)

    assert (api.requests, told, committed_today(tmp_path)) == (0, [], 0)
