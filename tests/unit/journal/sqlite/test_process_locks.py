"""Which processes are dead for certain."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite import process_locks
from atlas_mcp.journal.sqlite import store as store_module
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.process_locks import FOLDER, ProcessLock, dead_owners, forget, is_dead
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.system.locks import open_lock, try_lock
from atlas_mcp.testing.journal_conformance import first_record
from tests.support.systems import held, posix


def test_who_holds_its_lock_is_not_dead_for_as_long_as_it_does(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path, "owner")

    assert not is_dead(tmp_path, "owner")
    assert dead_owners(tmp_path) == []
    lock.release()
    assert not is_dead(tmp_path, "owner"), "it has left in order, and nothing is certain"
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_process_that_is_killed_is_dead_at_once(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    with held(tmp_path / FOLDER / "owner") as process:
        alive = is_dead(tmp_path, "owner"), dead_owners(tmp_path)
        process.terminate()
        process.wait()

        assert alive == (False, [])
        assert is_dead(tmp_path, "owner")
        assert dead_owners(tmp_path) == ["owner"]
    forget(tmp_path, "owner")
    assert not list((tmp_path / FOLDER).iterdir())


def test_of_several_who_ask_at_once_each_is_told_that_an_owner_is_dead(tmp_path: Path) -> None:
    """Else a run could not be claimed just because somebody else was looking at it."""
    (tmp_path / FOLDER).mkdir()
    with held(tmp_path / FOLDER / "owner", shared=True):
        assert is_dead(tmp_path, "owner")


def test_a_living_owner_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    with held(tmp_path / FOLDER / "owner"):
        forget(tmp_path, "owner")
        assert (tmp_path / FOLDER / "owner").exists()


@posix
def test_an_owner_that_was_taken_for_dead_as_it_started_makes_its_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has no lock yet. On Windows the file is open by then, and cannot be removed."""
    found: list[list[str]] = []

    def look_first(descriptor: int, *, shared: bool = False) -> bool:
        if not shared and not found:
            found.append(dead_owners(tmp_path))
            (tmp_path / FOLDER / "owner").unlink()
        return try_lock(descriptor, shared=shared)

    monkeypatch.setattr(process_locks, "try_lock", look_first)
    lock = ProcessLock(tmp_path, "owner")
    monkeypatch.undo()

    assert found == [["owner"]]
    assert dead_owners(tmp_path) == []
    with os.fdopen(open_lock(tmp_path / FOLDER / "owner")) as other:
        assert not try_lock(other.fileno(), shared=True), "the file that is there is the locked one"
    lock.release()


def test_without_locks_there_is_no_file_and_the_lease_decides_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, *, shared: bool = False) -> bool:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(process_locks, "try_lock", no_locks)
    lock = ProcessLock(tmp_path, "owner")

    assert not list((tmp_path / FOLDER).iterdir())
    (tmp_path / FOLDER / "other").touch()
    assert not is_dead(tmp_path, "other")
    lock.release()


async def test_a_lease_that_could_not_be_given_back_is_nobodys_once_its_process_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal took no write at the end: another program held it, or its disk was full."""
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT", 0.001)
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


@pytest.mark.parametrize(
    "owner",
    ["1-\0", "../outside", "/etc/passwd", "..", "", "1-\n", "x" * 65, "\ud800"],
)
async def test_an_owner_that_no_process_has_is_dead_and_opens_no_file(
    owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row may hold any text. The other runs are listed, and this one can be gone on with."""
    journal = SqliteJournal(tmp_path)
    for run_id in ("damaged", "sound"):
        await journal.open_run(run_id, first_record())
    (tmp_path / "outside").touch()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    with connection:
        connection.execute(
            "UPDATE runs SET owner = CAST(? AS TEXT), lease_until = 9e999 WHERE run_id = 'damaged'",
            (owner.encode(errors="surrogatepass"),),
        )
    connection.close()
    opened: list[object] = []

    class OpensNothing:
        """The system, for one module alone: others open what they need."""

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def open(self, path: object, flags: int) -> int:
            opened.append(path)
            raise FileNotFoundError

    monkeypatch.setattr(process_locks, "os", OpensNothing())

    assert is_dead(tmp_path, owner)
    driven = {run.run_id: run.driven for run in await journal.list_runs()}
    assert driven == {"damaged": False, "sound": True}
    assert (await journal.claim("damaged")).fence == 2
    assert opened == []
    monkeypatch.undo()
    await journal.aclose()


async def test_a_home_that_takes_no_lock_is_told_like_one_that_takes_no_journal(
    tmp_path: Path,
) -> None:
    (tmp_path / FOLDER).touch()

    with pytest.raises(JournalError, match="ATLAS_HOME"):
        SqliteJournal(tmp_path)
