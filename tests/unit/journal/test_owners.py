"""Who is dead for certain."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal import sqlite
from atlas_mcp.journal.owners import FOLDER, OwnerLock, dead_owners, is_dead
from atlas_mcp.journal.sqlite import FILE_NAME, SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of files as POSIX has them")


def test_who_holds_its_lock_is_not_dead_for_as_long_as_it_does(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path, "owner")

    assert not is_dead(tmp_path, "owner")
    lock.release()
    assert not is_dead(tmp_path, "owner"), "it has left in order, and nothing is certain"


def test_of_several_who_ask_at_once_each_is_told_that_an_owner_is_dead(tmp_path: Path) -> None:
    """Else a run could not be claimed just because somebody else was looking at it."""
    import fcntl

    (tmp_path / FOLDER).mkdir()
    path = tmp_path / FOLDER / "owner"
    path.touch()
    with path.open("r+") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)

        assert is_dead(tmp_path, "owner")


def test_a_process_that_is_just_starting_is_never_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has no lock yet, and others look through the folder as they start."""
    import fcntl

    found: list[list[str]] = []
    flock = fcntl.flock

    def look_first(descriptor: int, operation: int) -> None:
        if operation & fcntl.LOCK_EX:
            found.append(dead_owners(tmp_path))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", look_first)
    lock = OwnerLock(tmp_path, "owner")

    assert found == [[]]
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["owner"]
    assert dead_owners(tmp_path) == []
    lock.release()
    assert not list((tmp_path / FOLDER).iterdir())


async def test_a_lease_that_could_not_be_given_back_is_nobodys_once_its_process_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal took no write at the end: another program held it, or its disk was full."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.001)
    journal = SqliteJournal(tmp_path)
    released = await journal.open_run("released", first_record())
    await journal.open_run("held", first_record())
    blocking = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")

    with pytest.raises(JournalError, match="another program has kept it locked"):
        await journal.release(released)
    await journal.aclose()
    blocking.close()

    left = SqliteJournal(tmp_path)
    assert {run.run_id: run.driven for run in await left.list_runs()} == {
        "released": False,
        "held": False,
    }
    await left.aclose()


async def test_a_home_that_takes_no_lock_is_told_like_one_that_takes_no_journal(
    tmp_path: Path,
) -> None:
    (tmp_path / FOLDER).touch()

    with pytest.raises(JournalError, match="ATLAS_HOME"):
        SqliteJournal(tmp_path)
