"""The journal in its file: modes, torn ends, versions, two processes on one file."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import (
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore
from atlas_mcp.atlas.pool import ModelSpec, RunSpec, SolverSpec
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, UnknownRun
from atlas_mcp.journal.sqlite import FILE_NAME, LEASE_SECONDS, SqliteJournal

MODEL = ModelSpec("scripted/test")
SPEC = RunSpec("atlas", MODEL, (SolverSpec("s", MODEL),), Budget())


def record(seq: int, text: str = "42") -> Record:
    """Return the record at `seq` of a run that explores again and again."""
    number = (seq - 2) // 3 + 1
    events = (
        ExploresPlanned("prefetch", (Planned(number, Explore("s")),)),
        SolverStarted(number, Decimal("0.5")),
        SolverFinished(number, Candidate(text, "why", "how", 0.5), Usage(1, 10, 5), Decimal(0)),
    )
    return Record(seq, float(seq), events[(seq - 2) % 3])


def opening(problem: str = "How many?") -> Record:
    return Record(1, 1.0, RunOpened(make_problem(problem), SPEC))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncGenerator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "home")
    yield opened
    await opened.aclose()


async def test_what_is_appended_is_read_back_in_order(journal: SqliteJournal) -> None:
    lease = await journal.open_run("r", opening())
    await journal.append(lease, [record(2), record(3)])
    await journal.append(lease, [record(4)])

    assert await journal.read("r") == (opening(), record(2), record(3), record(4))
    assert await journal.read("r", after=3) == (record(4),)
    assert await journal.read("r", after=4) == ()


async def test_an_unknown_run_is_named(journal: SqliteJournal) -> None:
    for ask in (journal.read, journal.claim, journal.is_driven):
        with pytest.raises(UnknownRun, match="'nobody'"):
            await ask("nobody")


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "home")
    await journal.open_run("r", opening())

    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    for file in (tmp_path / "home").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    await journal.aclose()


async def test_appends_that_come_together_keep_their_order(journal: SqliteJournal) -> None:
    runs = [f"r{n}" for n in range(8)]
    leases = {run: await journal.open_run(run, opening()) for run in runs}

    async def write(run: str) -> None:
        async with anyio.create_task_group() as tasks:
            for seq in range(2, 32):
                tasks.start_soon(journal.append, leases[run], [record(seq)])

    async with anyio.create_task_group() as tasks:
        for run in runs:
            tasks.start_soon(write, run)

    for run in runs:
        records = await journal.read(run)
        assert [one.seq for one in records] == list(range(1, 32))


async def test_the_list_shows_the_newest_first_and_how_they_ended(journal: SqliteJournal) -> None:
    first = await journal.open_run("old", opening("An  old\nquestion"))
    await journal.append(first, [Record(2, 2.0, RunFinished("answered", "decided", "42"))])
    await journal.release(first)
    await journal.open_run("new", Record(1, 9.0, RunOpened(make_problem("New?"), SPEC)))

    new, old = await journal.list_runs()

    assert (new.run_id, new.status, new.driven) == ("new", "running", True)
    assert (old.run_id, old.status, old.driven) == ("old", "answered", False)
    assert old.title == "An old question"


async def test_a_live_run_cannot_be_claimed_and_an_abandoned_one_fences_its_owner_out(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sleeper, successor = SqliteJournal(tmp_path, clock), SqliteJournal(tmp_path, clock)
    lease = await sleeper.open_run("r", opening())
    with pytest.raises(JournalBusy):
        await successor.claim("r")

    clock.now += LEASE_SECONDS + 1
    taken = await successor.claim("r")
    await successor.append(taken, [record(2)])

    with pytest.raises(JournalBusy, match="taken over"):
        await sleeper.append(lease, [record(2, "late")])
    await sleeper.renew()
    assert await successor.read("r") == (opening(), record(2))
    await sleeper.aclose()
    await successor.aclose()


async def test_renewed_leases_last(tmp_path: Path) -> None:
    clock = Clock()
    journal = SqliteJournal(tmp_path, clock)
    await journal.open_run("r", opening())

    clock.now += LEASE_SECONDS - 1
    await journal.renew()
    clock.now += LEASE_SECONDS - 1

    assert await journal.is_driven("r")
    await journal.aclose()


async def test_a_journal_cut_at_any_place_of_its_log_opens_and_folds(tmp_path: Path) -> None:
    home = tmp_path / "whole"
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", opening())
    for seq in range(2, 12):
        await journal.append(lease, [record(seq, "x" * 500)])
    whole = await journal.read("r")
    log = (home / f"{FILE_NAME}-wal").read_bytes()
    assert len(log) > 10_000
    seen: set[int] = set()

    for size in [*range(0, len(log), 1_531), len(log) - 1, len(log)]:
        cut = tmp_path / f"cut-{size}"
        cut.mkdir()
        shutil.copy(home / FILE_NAME, cut / FILE_NAME)
        (cut / f"{FILE_NAME}-wal").write_bytes(log[:size])
        other = SqliteJournal(cut)
        found = await other.list_runs()
        records = await other.read("r") if found else ()
        assert records == whole[: len(records)]
        if records:
            assert RunState.fold(records).seq == len(records)
        seen.add(len(records))
        await other.aclose()

    assert {0, len(whole)} <= seen
    assert len(seen) > 5
    await journal.aclose()


async def test_a_torn_last_record_is_left_out_and_a_torn_earlier_one_is_told(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", opening())
    await journal.append(lease, [record(2), record(3)])
    other = sqlite3.connect(tmp_path / FILE_NAME)
    with other:
        other.execute("UPDATE events SET body = substr(body, 1, 9) WHERE seq = 3")
    assert await journal.read("r") == (opening(), record(2))

    with other:
        other.execute("UPDATE events SET body = substr(body, 1, 9) WHERE seq = 2")
    with pytest.raises(JournalCorrupt, match="record 2"):
        await journal.read("r")
    other.close()
    await journal.aclose()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    await SqliteJournal(tmp_path).aclose()
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(JournalError, match="newer version"):
        SqliteJournal(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError, match="ATLAS_HOME"):
        SqliteJournal(tmp_path / "file" / "home")


async def test_a_run_of_a_newer_version_is_refused_by_name(journal: SqliteJournal) -> None:
    newer = RunOpened(make_problem("x"), SPEC, version=99)
    await journal.open_run("r", Record(1, 1.0, newer))

    with pytest.raises(JournalCorrupt, match="records 99"):
        await journal.read("r")
