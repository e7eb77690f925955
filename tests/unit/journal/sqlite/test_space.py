"""How the SQLite journal removes runs: a few at a time, and with the space they took."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.journal.sqlite import journal as journal_module
from atlas_mcp.journal.sqlite import space
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.processes import LEASE_SECONDS
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.sqlite.tables import migrate
from atlas_mcp.testing.journal_conformance import first_record

ANSWER = "An answer of some length. " * 2_000


async def fill(journal: SqliteJournal, *run_ids: str) -> None:
    for run_id in run_ids:
        lease = await journal.open_run(run_id, first_record())
        end = RunFinished("answered", "decided", ANSWER)
        await journal.append(lease, [Record(2, 2.0, end)])
        await journal.release(lease)


def size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob(f"{FILE_NAME}*"))


class Watching:
    """A clock that looks, whenever it is asked, how many runs other processes see."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[int] = []

    def __call__(self) -> float:
        connection = sqlite3.connect(self.path)
        self.seen += connection.execute("SELECT count(*) FROM runs").fetchone()
        connection.close()
        return 1_000.0 + LEASE_SECONDS


async def test_others_can_write_while_many_runs_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for one transaction, which must not be all of it: it would cost them their runs."""
    monkeypatch.setattr(journal_module, "RUNS_AT_ONCE", 2)
    killed = SqliteJournal(tmp_path, clock=lambda: 1_000.0)
    for number in range(5):
        await killed.open_run(f"r{number}", first_record())
    clock = Watching(tmp_path / FILE_NAME)
    journal = SqliteJournal(tmp_path, clock=clock)
    listed = await journal.list_runs()
    clock.seen.clear()

    assert len(await journal.remove(listed)) == 5

    assert clock.seen == [5, 5, 3, 3, 1]
    await journal.aclose()
    await killed.aclose()


async def test_the_space_of_what_is_removed_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps, while another process has the file open."""
    monkeypatch.setattr(space, "PAGES_AT_ONCE", 50)
    journal, other = SqliteJournal(tmp_path), SqliteJournal(tmp_path)
    await fill(journal, "kept")
    small = size(tmp_path)
    await fill(journal, *(f"r{number}" for number in range(20)))
    large = size(tmp_path)
    await other.list_runs()

    gone = [run for run in await journal.list_runs() if run.run_id != "kept"]
    await journal.remove(gone)
    await journal.aclose()

    assert large > 20 * len(ANSWER)
    assert (tmp_path / FILE_NAME).stat().st_size < small + len(ANSWER)
    assert len(await other.read("kept")) == 2
    await other.aclose()


def make_as_before(home: Path) -> None:
    """Make a file that does not give space back in steps."""
    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    migrate(connection, home / FILE_NAME)
    connection.close()


async def test_a_small_file_made_by_an_earlier_version_shrinks_as_well(tmp_path: Path) -> None:
    make_as_before(tmp_path)
    journal = SqliteJournal(tmp_path)
    await fill(journal, *(f"r{number}" for number in range(20)))
    large = size(tmp_path)

    await journal.remove(await journal.list_runs())
    await journal.aclose()

    assert large > 20 * len(ANSWER)
    assert size(tmp_path) < 2 * len(ANSWER)


async def test_a_large_file_made_by_an_earlier_version_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing it anew would keep others from writing for longer than they wait."""
    monkeypatch.setattr(space, "FEW_PAGES", 5)
    make_as_before(tmp_path)
    journal = SqliteJournal(tmp_path)
    await fill(journal, *(f"r{number}" for number in range(20)))
    await journal.remove(await journal.list_runs())
    await journal.aclose()
    large = size(tmp_path)

    again = SqliteJournal(tmp_path)
    await fill(again, *(f"s{number}" for number in range(15)))
    await again.aclose()

    assert large > 20 * len(ANSWER)
    assert size(tmp_path) == large
