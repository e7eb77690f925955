"""Runs are claimed one request at a time, and given back where nothing can be recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.resuming import abandonment
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput, JournalBusy
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.driving import claims as claiming
from atlas_mcp.runs.driving.claims import Claims
from atlas_mcp.testing.journal_conformance import first_record


@asynccontextmanager
async def journal_with_a_run(home: Path) -> AsyncGenerator[SqliteJournal]:
    journal = SqliteJournal(home)
    await journal.release(await journal.open_run("r", first_record()))
    try:
        yield journal
    finally:
        await journal.aclose()


async def test_requests_of_one_process_claim_a_run_one_after_the_other(tmp_path: Path) -> None:
    async with journal_with_a_run(tmp_path) as journal:
        claims, order = Claims(journal, journal), list[str]()

        async def claim(name: str) -> None:
            async with claims.alone("r"):
                order.append(f"{name} begins")
                claimed = await claims.take("r", lambda state: ())
                await claims.release(claimed.lease)
                order.append(f"{name} ends")

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(claim, "one")
                tasks.start_soon(claim, "two")

        begun = order[0].split()[0]
        assert order[:2] == [f"{begun} begins", f"{begun} ends"]
        assert claims.under_way("r") is None


async def test_a_run_is_given_back_where_the_decision_on_it_fails(tmp_path: Path) -> None:
    def refuse(state: RunState) -> tuple[Event, ...]:
        raise InvalidInput("count", "is too many")

    async with journal_with_a_run(tmp_path) as journal:
        with pytest.raises(InvalidInput):
            await Claims(journal, journal).take("r", refuse)
        assert not await journal.is_driven("r")


async def test_the_events_decided_on_a_run_are_recorded_under_its_lease(tmp_path: Path) -> None:
    async with journal_with_a_run(tmp_path) as journal:
        claims = Claims(journal, journal)
        claimed = await claims.take("r", abandonment)
        assert await journal.is_driven("r")
        await claims.release(claimed.lease)

        assert claimed.state == RunState.fold(await journal.read("r"))
        assert claimed.state.finished is not None


async def test_a_run_of_another_process_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "TURN_SECONDS", 0.0)
    async with journal_with_a_run(tmp_path) as journal:
        lease = await journal.claim("r")
        other = SqliteJournal(tmp_path)
        with pytest.raises(JournalBusy):
            await Claims(other, other).take_in_turn("r", lambda state: ())
        await journal.release(lease)
        await other.aclose()
