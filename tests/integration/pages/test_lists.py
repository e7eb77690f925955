"""Lists are made once for all who ask, and do not wait for runs that change all the time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.errors import UnknownRun
from atlas_mcp.pages import lists
from atlas_mcp.pages.lists import Lists
from tests.support.page_services import paged


async def test_tabs_that_ask_together_get_one_list(tmp_path: Path) -> None:
    found: list[bytes] = []
    async with paged(tmp_path) as there:
        run_id, shared = await there.answered(), Lists()

        async def look() -> None:
            found.append(await shared.found(there.service, "", limit=50, offset=0))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(look)
        other = await shared.found(there.service, "elephants", limit=50, offset=0)

    assert len({id(one) for one in found}) == 1
    assert [run["run_id"] for run in json.loads(found[0])["runs"]] == [run_id]
    assert json.loads(other)["runs"] == []


async def test_a_list_is_made_anew_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "SAME_SECONDS", 0.0)
    async with paged(tmp_path) as there:
        shared = Lists()
        empty = await shared.found(there.service, "", limit=50, offset=0)
        await there.answered()
        one = await shared.found(there.service, "", limit=50, offset=0)

    assert (json.loads(empty)["total"], json.loads(one)["total"]) == (0, 1)


async def test_changed_runs_are_read_for_a_short_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float | None] = []
    async with paged(tmp_path) as there:
        catch_up = there.service.history.catch_up

        async def noted(*, seconds: float | None = None, **more: Any) -> int:
            asked.append(seconds)
            return await catch_up(seconds=seconds, **more)

        asked = seconds
        monkeypatch.setattr(there.service.history, "catch_up", noted)
        await Lists().found(there.service, " ", limit=50, offset=0)
        await Lists().found(there.service, "a", limit=50, offset=0)
        await Lists().stats(there.service)

    assert seconds == [lists.LIST_PATIENCE, lists.SEARCH_PATIENCE, lists.STATS_PATIENCE]


async def test_two_runs_are_compared(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        one, other = await there.answered(), await there.answered()
        document = json.loads(await Lists().compared(there.service, one, other))
        with pytest.raises(UnknownRun):
            await Lists().compared(there.service, one, "unknown")

    assert document["same_problem"] is True
