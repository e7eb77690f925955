"""A run that a page has had go on is wanted until a page was shown its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.pages import promises
from atlas_mcp.pages.promises import Promises
from tests.support.page_services import Paged, paged


async def wanted(there: Paged, run_id: str) -> bool:
    found = await there.service.callers.journal.wanted([run_id], promises=True)
    return found[run_id]


async def test_a_promise_is_kept_until_it_is_fulfilled(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id, kept = await there.held(), Promises()
        await kept.make(there.service, (await there.service.callers.add(run_id)).caller)
        promised = await wanted(there, run_id)
        await kept.fulfil(there.service, "another")
        await kept.fulfil(there.service, run_id)
        while_it_runs = await wanted(there, run_id)
        there.model.gate.set()
        await there.service.wait(run_id, 10)
        at_its_end = await wanted(there, run_id)
        await kept.fulfil(there.service, run_id)
        after = await wanted(there, run_id)

    assert (promised, while_it_runs, at_its_end, after) == (True, True, True, False)


async def test_few_promises_are_kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "MOST_KEPT", 1)
    async with paged(tmp_path) as there:
        run_id, kept = await there.answered(), Promises()
        for _ in range(2):
            await kept.make(there.service, (await there.service.callers.add(run_id)).caller)
        await kept.fulfil(there.service, run_id)

        # The first is on record alone.
        assert await wanted(there, run_id)
