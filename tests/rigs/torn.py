"""A write-ahead log that was cut at any of its bytes opens, folds and is written on.

    python tests/rigs/torn.py [--every 1] [--moved-every 1]

What a machine leaves that loses its power while a log is being written: that of a new home, of a
run from its opening to its resumption, and of a journal of each older version that is brought up
to date. Each is cut at every single byte, opened, read, folded, shown, claimed and written to.

A log of which a part has been moved into the database is cut as well. What is left of it is older
than the database then, which no power failure does: records are lost. What can be read must be what
was written, and the rest told, by an error of ours where nothing else is possible.

Prints the number of cuts and of failures; ends with 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import anyio

from atlas_mcp.atlas.events import CallsLost, Record, RecordLost, RunResumed
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import AtlasError
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.sqlite.tables import migrate
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.journal_conformance import first_record, later_record
from atlas_mcp.views.rendering import view_of

LOG_NAME = f"{FILE_NAME}-wal"
MEMORY = Path("/dev/shm")
"""Files are kept in memory where a system can: the format is tried, not the disk."""

OLD = sorted((Path(__file__).parents[1] / "data").glob("journal_v*.sql"))
CHUNK = 250
"""Cuts that one worker makes at a time."""

FAR_AHEAD = 1e12
"""Unix seconds by which every lease has run out."""

MOVED = "a log moved in part"


@dataclass(frozen=True)
class Log:
    """A journal with its log.

    Attributes:
        name: The kind of log.
        file: The database, without what is in the log.
        log: The log, whole.
        runs: The records of each run, with the whole log.
        breaks: Whether a cut may lose records in the middle, and make the database unreadable.
    """

    name: str
    file: bytes
    log: bytes
    runs: dict[str, tuple[Record, ...]] = field(default_factory=dict[str, tuple[Record, ...]])
    breaks: bool = False


@dataclass(frozen=True)
class Cut:
    """The findings after a cut: the number of records, and the faults."""

    size: int
    records: int
    fault: str = ""


def taken(name: str, home: Path, runs: dict[str, tuple[Record, ...]]) -> Log:
    return Log(name, (home / FILE_NAME).read_bytes(), (home / LOG_NAME).read_bytes(), runs)


async def a_new_home(home: Path) -> Log:
    journal = SqliteJournal(home)
    log = taken("a new home", home, {})
    await journal.aclose()
    return log


async def a_run(home: Path) -> Log:
    await SqliteJournal(home).aclose()
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2), later_record(3)])
    await journal.append(lease, [Record(4, 4.0, CallsLost()), Record(5, 5.0, RunResumed("Go on."))])
    await journal.append(lease, [Record(6, 6.0, later_record(3).event)])
    await journal.append(lease, [Record(7, 7.0, later_record(4).event)])
    log = taken("a run", home, {"r": await journal.read("r")})
    await journal.aclose()
    return log


async def half_moved(home: Path) -> Log:
    journal = SqliteJournal(home)
    path = home / FILE_NAME
    reading, moving = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
    for run_id in ("r", "s"):
        lease = await journal.open_run(run_id, first_record())
        for seq in range(2, 14):
            await journal.append(lease, [later_record(seq, "y" * 900)])
        if run_id == "r":
            # Who reads keeps what comes from here on from being moved.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM events").fetchone()
    moving.execute("PRAGMA wal_checkpoint(PASSIVE)")
    runs = {run_id: await journal.read(run_id) for run_id in ("r", "s")}
    log = replace(taken(MOVED, home, runs), breaks=True)
    reading.close()
    moving.close()
    await journal.aclose()
    return log


def a_migration(script: Path, home: Path) -> Log:
    home.mkdir()
    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(script.read_text(encoding="utf-8"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    migrate(connection, home / FILE_NAME)
    log = taken(f"{script.stem} brought up to date", home, {})
    connection.close()
    log.runs.update(anyio.run(all_runs, home))
    return log


async def all_runs(home: Path) -> dict[str, tuple[Record, ...]]:
    journal = SqliteJournal(home)
    runs = {run.run_id: await journal.read(run.run_id) for run in await journal.list_runs()}
    await journal.aclose()
    return runs


def cut_all(log: Log, sizes: range) -> list[Cut]:
    """Cut a log at all these sizes, one after the other."""
    folder = tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)
    try:
        return anyio.run(_cut_all, log, sizes, Path(folder))
    finally:
        shutil.rmtree(folder)


async def _cut_all(log: Log, sizes: range, folder: Path) -> list[Cut]:
    cuts: list[Cut] = []
    for size in sizes:
        home = laid_out(log, size, folder)
        try:
            cuts.append(Cut(size, await records_after(log, home)))
        except AtlasError as error:
            told = "" if log.breaks else f"{type(error).__name__}: {error}"
            cuts.append(Cut(size, 0, told))
        except (AssertionError, LookupError, ValueError, sqlite3.Error) as error:
            cuts.append(Cut(size, 0, f"{type(error).__name__}: {error}"))
        shutil.rmtree(home)
    return cuts


def laid_out(log: Log, size: int, folder: Path) -> Path:
    home = folder / str(size)
    home.mkdir()
    (home / FILE_NAME).write_bytes(log.file)
    (home / LOG_NAME).write_bytes(log.log[:size])
    return home


async def records_after(log: Log, home: Path) -> int:
    """Open what is left, go on with each run, and return how many records had survived."""
    journal = SqliteJournal(home, clock=lambda: FAR_AHEAD)
    try:
        found = [run.run_id for run in await journal.list_runs()]
        survived = [await gone_on_with(journal, run_id, log) for run_id in found]
        await journal.open_run("another", first_record())
        return sum(survived)
    finally:
        await journal.aclose()


async def gone_on_with(journal: Journal, run_id: str, log: Log) -> int:
    records = await journal.read(run_id)
    lost = {record.seq for record in records if isinstance(record.event, RecordLost)}
    assert log.breaks or not lost, f"{run_id} has lost records"
    for record, whole in zip(records, log.runs[run_id], strict=False):
        assert record == whole or record.seq in lost, f"{run_id} holds what was never written"
    state = RunState.fold(records)
    assert view_of(RunSnapshot(run_id, state, 0.0, driven=False)).run_id == run_id
    events = resumption(state, max_explores=100)
    added = [Record(seq, 9.0, event) for seq, event in enumerate(events, start=len(records) + 1)]
    await journal.append(await journal.claim(run_id), added)
    assert await journal.read(run_id) == (*records, *added), f"{run_id} was not written on"
    return len(records) - len(lost)


def judge(log: Log, cuts: list[Cut]) -> list[str]:
    """Return what was wrong with the cuts of a log."""
    faults = [f"at {cut.size}: {cut.fault}" for cut in cuts if cut.fault]
    for before, after in pairwise(cuts):
        if after.records < before.records and not log.breaks:
            faults.append(f"at {after.size}: fewer records than at {before.size}")
    whole = sum(len(records) for records in log.runs.values())
    if cuts[-1].size != len(log.log) or cuts[-1].records != whole:
        faults.append(f"whole: {cuts[-1].records} of {whole} records")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Bytes between cuts.")
    parser.add_argument(
        "--moved-every", type=int, metavar="N", help="The same for the log moved in part: 408 kB."
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logs = [
            anyio.run(a_new_home, Path(folder) / "new"),
            anyio.run(a_run, Path(folder) / "run"),
            anyio.run(half_moved, Path(folder) / "half"),
            *(a_migration(script, Path(folder) / script.stem) for script in OLD),
        ]
    total, wrong = 0, 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for log in logs:
            began = time.monotonic()
            every: int = given.every
            if log.name == MOVED:
                every = given.moved_every or every
            # From the end, so that the whole is among them whatever the step.
            sizes = range(len(log.log) % every, len(log.log) + 1, every)
            chunks = [sizes[n : n + CHUNK] for n in range(0, len(sizes), CHUNK)]
            cuts = [cut for some in pool.map(partial(cut_all, log), chunks) for cut in some]
            faults = judge(log, cuts)
            total, wrong = total + len(cuts), wrong + len(faults)
            kept = sorted({cut.records for cut in cuts})
            print(
                f"{'FAIL' if faults else 'ok  '} {log.name:32} {len(log.log):7,} bytes, "
                f"{len(cuts):7,} cuts, {len(faults)} failures; records left: {kept}; "
                f"{time.monotonic() - began:.0f} s",
                *faults[:5],
                sep="\n     ",
                flush=True,
            )
    print(f"{total:,} cuts, {wrong} failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
