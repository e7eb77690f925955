"""Promises of the SQLite journal beyond the conformance suite: modes, crashes, versions."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.process_locks import FOLDER
from atlas_mcp.journal.sqlite.processes import LEASE_SECONDS
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.sqlite.write_ahead_log import WRITES_A_CHECKPOINT
from atlas_mcp.testing.journal_conformance import first_record, later_record

STEP = 997
"""Bytes between two cuts: prime, so that cuts fall everywhere in pages and frames."""


OWNER = """
import anyio, os, sys, time
from pathlib import Path
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record

async def main():
    await SqliteJournal(Path(sys.argv[1])).open_run("r", first_record())
    # In one write, so that it is read in one piece.
    os.write(1, b"held")
    time.sleep(60)

anyio.run(main)
"""
"""A process that holds the lease of a run until it is killed."""


class Clock:
    now = 5_000.0

    def __call__(self) -> float:
        return self.now


async def test_the_folder_and_every_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2)])

    below = list(home.rglob("*"))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in below}
    assert {modes[path] for path in below if path.is_file()} == {0o600}
    assert {stat.S_IMODE(home.stat().st_mode)} | {modes[p] for p in below if p.is_dir()} == {0o700}
    await journal.aclose()


async def test_a_process_that_died_holds_no_lease_and_leaves_nothing_behind(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    process = await anyio.open_process([sys.executable, "-c", OWNER, str(tmp_path)], stderr=None)
    async with process:
        assert process.stdout is not None
        assert await process.stdout.receive() == b"held"
        (held,) = await journal.list_runs()
        files_while_it_lives = {path.name for path in (tmp_path / FOLDER).iterdir()}
        process.kill()
        await process.wait()
    (left,) = await journal.list_runs()
    lease = await journal.claim("r")
    await journal.aclose()
    await SqliteJournal(tmp_path).aclose()

    assert held.driven
    assert len(files_while_it_lives) == 2
    assert not left.driven
    assert lease.fence == 2
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_home_where_processes_cannot_be_noted_is_an_error_of_the_journal(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")

    with pytest.raises(JournalError, match="ATLAS_HOME"):
        SqliteJournal(tmp_path)


async def test_a_log_cut_at_any_byte_opens_and_folds_and_is_written_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", first_record())
    for seq in range(2, 9):
        await journal.append(lease, [later_record(seq, "y" * 300)])
    whole = await journal.read("r")
    log = (home / f"{FILE_NAME}-wal").read_bytes()
    lengths: list[int] = []

    for size in [*range(0, len(log), STEP), len(log) - 1, len(log)]:
        copy = tmp_path / str(size)
        copy.mkdir()
        shutil.copy(home / FILE_NAME, copy)
        (copy / f"{FILE_NAME}-wal").write_bytes(log[:size])
        later = SqliteJournal(copy, clock=lambda: 1e12)
        records = await later.read("r") if await later.list_runs() else ()
        lengths.append(len(records))
        assert records == whole[: len(records)]
        if records:
            assert RunState.fold(records).seq == len(records)
            again = await later.claim("r")
            await later.append(again, [later_record(len(records) + 1)])
        await later.aclose()
        shutil.rmtree(copy)

    assert lengths == sorted(lengths)
    assert set(lengths) == set(range(9))
    await journal.aclose()


async def test_what_an_append_has_returned_for_survives_a_process_that_just_vanishes(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path / "home")
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2)])
    shutil.copytree(tmp_path / "home", tmp_path / "left")

    left = SqliteJournal(tmp_path / "left")

    assert await left.read("r") == (first_record(), later_record(2))
    await left.aclose()
    await journal.aclose()


async def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    await SqliteJournal(tmp_path).aclose()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 2000")
    connection.close()

    with pytest.raises(JournalError, match=r"newer version.*upgrade"):
        SqliteJournal(tmp_path)

    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("PRAGMA user_version").fetchone() == (2000,)
    connection.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database, whatever its name says" * 99)

    with pytest.raises(JournalError, match=FILE_NAME):
        SqliteJournal(tmp_path)


async def test_of_two_journals_on_one_file_the_one_that_slept_is_fenced_out(
    tmp_path: Path,
) -> None:
    clock = Clock()
    first, second = SqliteJournal(tmp_path, clock), SqliteJournal(tmp_path, clock)
    lease = await first.open_run("r", first_record())
    clock.now += LEASE_SECONDS - 0.001
    with pytest.raises(JournalBusy):
        await second.claim("r")

    clock.now += 0.002
    taken = await second.claim("r")

    with pytest.raises(JournalBusy):
        await first.append(lease, [later_record(2, "late")])
    await second.append(taken, [later_record(2)])
    assert await first.read("r") == (first_record(), later_record(2))
    await first.aclose()
    assert await second.is_driven("r")
    await second.aclose()


async def test_a_lease_that_no_process_can_have_is_nobodys(tmp_path: Path) -> None:
    """A damaged row, or a clock that was set back: who lives writes another within seconds."""
    journal, other = SqliteJournal(tmp_path), SqliteJournal(tmp_path)
    for run_id in ("living", "unknown"):
        await other.open_run(run_id, first_record())
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("UPDATE runs SET lease_until = 9e18")
        file.execute("UPDATE runs SET owner = 'zz' WHERE run_id = 'unknown'")

    assert await journal.is_driven("living")
    assert not await journal.is_driven("unknown")
    assert {run.run_id for run in await journal.list_runs() if run.driven} == {"living"}
    assert (await journal.claim("unknown")).fence == 2
    await other.aclose()
    await journal.aclose()


async def test_many_appends_at_once_are_committed_together_and_keep_their_order(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    leases = [await journal.open_run(f"r{number}", first_record()) for number in range(20)]
    done: dict[str, list[int]] = {lease.run_id: [] for lease in leases}

    async def write(number: int) -> None:
        lease = leases[number]
        for seq in range(2, 12):
            await journal.append(lease, [later_record(seq, lease.run_id)])
            done[lease.run_id].append(seq)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(write, number)

    for lease in leases:
        assert done[lease.run_id] == list(range(2, 12))
        records = await journal.read(lease.run_id)
        assert records[1:] == tuple(later_record(seq, lease.run_id) for seq in range(2, 12))
    await journal.aclose()


async def test_an_append_whose_task_is_cancelled_is_written_all_the_same(tmp_path: Path) -> None:
    """Source: the contract, "Nothing paid for is lost"."""
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())

    with anyio.CancelScope() as scope:
        scope.cancel()
        await journal.append(lease, [later_record(2)])

    assert (await journal.read("r"))[-1] == later_record(2)
    await journal.aclose()


@dataclass
class SlowDisk:
    """A disk that is busy: each flush waits until it is let."""

    flushes: int = 0
    _begun: Semaphore = field(default_factory=lambda: Semaphore(0))
    _let: Semaphore = field(default_factory=lambda: Semaphore(0))

    def __call__(self, descriptor: int) -> None:
        self.flushes += 1
        self._begun.release()
        assert self._let.acquire(timeout=10), "nobody lets the disk go on"

    async def begun(self) -> None:
        """Return when the next flush has begun."""
        assert await anyio.to_thread.run_sync(lambda: self._begun.acquire(timeout=10))

    def let(self, flushes: int = 1) -> None:
        self._let.release(flushes)


async def test_what_a_busy_disk_has_not_taken_is_written_all_the_same_and_survives_the_process(
    tmp_path: Path,
) -> None:
    """And no append returns before its records are on disk."""
    disk = SlowDisk()
    journal = SqliteJournal(tmp_path / "home", sync=disk)
    leases = {name: await journal.open_run(name, first_record()) for name in "abc"}
    told: list[str] = []

    async def append(name: str) -> None:
        await journal.append(leases[name], [later_record(2)])
        told.append(name)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(append, "a")
            await disk.begun()
            tasks.start_soon(append, "b")
            tasks.start_soon(append, "c")
            await anyio.wait_all_tasks_blocked()
            # Written behind them, while the disk is still busy with the first.
            await journal.renew()
            assert len(await journal.read("c")) == 2
            shutil.copytree(tmp_path / "home", tmp_path / "left")
            assert told == []
            disk.let()
            await disk.begun()
            await anyio.wait_all_tasks_blocked()
            assert told == ["a"], "the others were written after its flush had begun"
            disk.let()

    assert sorted(told) == ["a", "b", "c"]
    assert disk.flushes == 2, "none for opening runs, one for the two that waited"
    left = SqliteJournal(tmp_path / "left")
    for name in "abc":
        assert await left.read(name) == (first_record(), later_record(2))
    await left.aclose()
    disk.let()
    await journal.aclose()


async def test_a_disk_that_takes_nothing_is_an_error_of_the_journal_until_it_takes_it(
    tmp_path: Path,
) -> None:
    full = [OSError(28, "No space left on device")]

    def sync(descriptor: int) -> None:
        if full:
            raise full[0]

    journal = SqliteJournal(tmp_path, sync=sync)
    lease = await journal.open_run("s", first_record())
    with pytest.raises(JournalError, match=r"cannot be put on disk.*No space left"):
        await journal.append(lease, [later_record(2)])
    full.clear()

    await journal.append(lease, [later_record(3)])

    assert await journal.read("s") == (first_record(), later_record(2), later_record(3))
    await journal.aclose()


async def test_the_log_is_moved_into_the_database_as_it_grows(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    before = (tmp_path / FILE_NAME).stat().st_size

    # One more, whose flush comes after that.
    for seq in range(2, WRITES_A_CHECKPOINT + 2):
        await journal.append(lease, [later_record(seq)])

    assert (tmp_path / FILE_NAME).stat().st_size > before
    await journal.aclose()
