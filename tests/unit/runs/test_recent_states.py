"""Looks at runs: each reads what has come since the one before, and no more."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import UnknownRun
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs import recent_states
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.recent_states import STATES_KEPT, RecentStates
from atlas_mcp.testing.journal_conformance import first_record, later_record


@dataclass(slots=True)
class Noting(SqliteJournal):
    """A journal that notes behind which record it was read."""

    reads: list[int] = field(default_factory=list[int])

    @override
    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        self.reads.append(after)
        return await SqliteJournal.read(self, run_id, after=after)


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Noting]:
    journal = Noting(folder)
    try:
        yield journal
    finally:
        await journal.aclose()


async def test_a_further_look_reads_only_what_has_come_since(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        seen = RecentStates(journal)

        first = await seen.state("r")
        again = await seen.state("r")
        await journal.append(lease, [later_record(4)])
        last = await seen.state("r")

        assert journal.reads == [0, 3, 3]
        assert again == first
        assert last == RunState.fold(await journal.read("r"))


async def test_several_who_look_at_once_read_a_run_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2)])
        seen = RecentStates(journal)
        states: list[RunState] = []

        async def look() -> None:
            states.append(await seen.state("r"))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(look)

        assert sorted(journal.reads) == [0, 2, 2, 2, 2]
        assert [state.seq for state in states] == [2] * 5


async def test_a_run_that_was_removed_is_unknown_to_a_further_look(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await journal.release(await journal.open_run("r", first_record()))
        seen = RecentStates(journal)
        await seen.state("r")
        await journal.remove(await journal.list_runs())

        for _ in range(2):
            with pytest.raises(UnknownRun):
                await seen.state("r")

        assert journal.reads == [0, 1, 0]


async def test_only_the_runs_that_were_looked_at_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as journal:
        names = [f"r{number}" for number in range(STATES_KEPT + 1)]
        for name in names:
            await journal.open_run(name, first_record())
        seen = RecentStates(journal)
        for name in (*names[:STATES_KEPT], names[0], names[STATES_KEPT]):
            await seen.state(name)
        journal.reads.clear()

        await seen.state(names[0])
        await seen.state(names[1])
        seen.forget()
        await seen.state(names[0])
        monkeypatch.setattr(recent_states, "KEPT_SECONDS", -1)
        seen.forget()
        await seen.state(names[0])

        assert journal.reads == [1, 0, 1, 0]


async def test_each_look_at_a_run_of_another_process_reads_it_on(tmp_path: Path) -> None:
    async with opened(tmp_path / "home") as journal:
        await journal.open_run("r", first_record())
        looks = Noting(tmp_path / "home")
        async with open_service(Settings(home=tmp_path / "home"), journal=looks) as service:
            view = await service.look("r")
            again = await service.look("r")

    assert view.status == again.status == "running"
    assert looks.reads == [0, 1]
