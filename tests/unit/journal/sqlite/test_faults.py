"""Any fault of the journal's file is one kind of error, which says what to do."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from atlas_mcp.errors import JournalError, JournalUnflushed
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite import write_ahead_log
from atlas_mcp.journal.sqlite.faults import journal_failure
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.opening import connect, connect_to_read, open_there
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.testing.journal_conformance import first_record, later_record

Mishap: TypeAlias = Callable[[Path], object]

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="open files can be removed here")


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("something")
    error.sqlite_errorname = name
    return error


ADVICE: dict[str, tuple[Exception, str]] = {
    "full": (sqlite_error("SQLITE_FULL"), "free some space"),
    "quota, as SQLite has it": (sqlite_error("SQLITE_IOERR_WRITE"), "free some space"),
    "log's index cannot grow": (sqlite_error("SQLITE_IOERR_SHMSIZE"), "free some space"),
    "locked": (sqlite_error("SQLITE_BUSY_SNAPSHOT"), "end that program"),
    "read-only": (sqlite_error("SQLITE_READONLY_DIRECTORY"), "ATLAS_HOME"),
    "damaged": (sqlite_error("SQLITE_CORRUPT_INDEX"), "move it away"),
    "no database": (sqlite_error("SQLITE_NOTADB"), "move it away"),
    "a table that is gone": (sqlite_error("SQLITE_ERROR"), "move it away"),
    "no text": (sqlite3.OperationalError("Could not decode to UTF-8 column"), "move it away"),
    "cannot be opened": (sqlite_error("SQLITE_CANTOPEN"), "ATLAS_HOME"),
    "no space": (OSError(errno.ENOSPC, "No space left on device"), "free some space"),
    "too large": (OSError(errno.EFBIG, "File too large"), "free some space"),
    "too many files": (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    "too many in all": (OSError(errno.ENFILE, "Too many open files"), "ulimit -n"),
    "forbidden": (PermissionError(errno.EACCES, "Permission denied"), "ATLAS_HOME"),
    "mounted read-only": (OSError(errno.EROFS, "Read-only file system"), "ATLAS_HOME"),
    "failing": (OSError(errno.EIO, "Input/output error"), "disk is failing"),
}
if hasattr(errno, "EDQUOT"):
    ADVICE["quota"] = (OSError(errno.EDQUOT, "Disk quota exceeded"), "free some space")


@pytest.mark.parametrize(("error", "advice"), ADVICE.values(), ids=ADVICE)
def test_each_fault_says_what_to_do(error: Exception, advice: str) -> None:
    failure = journal_failure(Path("home/journal.sqlite3"), error)

    assert isinstance(failure, JournalError)
    assert failure.__cause__ is error
    assert advice in str(failure)
    assert "journal.sqlite3" in str(failure)


MISHAPS: dict[str, tuple[Mishap, str]] = {
    "removed": (lambda home: (home / FILE_NAME).unlink(), "removed"),
    "moved": (lambda home: (home / FILE_NAME).rename(home / "old"), "removed"),
    "replaced by an empty file": (lambda home: replace_by(home, b""), "replaced"),
    "replaced by a copy": (
        lambda home: replace_by(home, (home / FILE_NAME).read_bytes()),
        "replaced",
    ),
    "without its log": (lambda home: (home / f"{FILE_NAME}-wal").unlink(), "-wal was removed"),
    "without the log's index": (
        lambda home: (home / f"{FILE_NAME}-shm").unlink(),
        "-shm was removed",
    ),
    "home removed": (lambda home: shutil.rmtree(home), "removed"),
    "home moved": (lambda home: home.rename(home.with_name("elsewhere")), "removed"),
    "home replaced by a new one": (lambda home: new_home(home), "replaced|removed"),
    "home replaced by a file": (lambda home: (shutil.rmtree(home), home.touch()), "removed"),
}


def replace_by(home: Path, data: bytes) -> None:
    (home / "new").write_bytes(data)
    (home / "new").replace(home / FILE_NAME)


def new_home(home: Path) -> None:
    home.rename(home.with_name("elsewhere"))
    home.mkdir()
    sqlite3.connect(home / FILE_NAME).close()
    (home / FILE_NAME).touch()


@on_posix
@pytest.mark.parametrize(("mishap", "what"), MISHAPS.values(), ids=MISHAPS)
async def test_a_journal_that_is_taken_away_is_noticed_at_the_next_record(
    mishap: Mishap, what: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2)])
    mishap(home)

    for _ in range(2):
        with pytest.raises(JournalError, match=rf"({what}).*nothing is stored.*start again"):
            await journal.append(lease, [later_record(3)])
    with pytest.raises(JournalError, match="nothing is stored"):
        await journal.open_run("s", first_record())
    await journal.aclose()


@on_posix
async def test_a_journal_that_is_put_back_is_written_on(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    path = tmp_path / FILE_NAME
    path.rename(tmp_path / "old")
    with pytest.raises(JournalError):
        await journal.append(lease, [later_record(2)])
    (tmp_path / "old").rename(path)

    await journal.append(lease, [later_record(2)])

    assert len(await journal.read("r")) == 2
    await journal.aclose()


def cut(home: Path, suffix: str, part: float) -> None:
    path = home / f"{FILE_NAME}{suffix}"
    os.truncate(path, int(path.stat().st_size * part))


CUTS: dict[str, tuple[Mishap, str]] = {
    "log emptied": (lambda home: cut(home, "-wal", 0), "-wal"),
    "log cut within a frame": (lambda home: cut(home, "-wal", 0.01), "-wal"),
    "log emptied once it was moved": (lambda home: (move(home), cut(home, "-wal", 0)), "-wal"),
    "database emptied": (lambda home: (move(home), cut(home, "", 0)), "sqlite3"),
    "database cut to half": (lambda home: (move(home), cut(home, "", 0.5)), "sqlite3"),
}


def move(home: Path, how: str = "PASSIVE") -> None:
    """Move the log into the database, as processes do now and then."""
    other = sqlite3.connect(home / FILE_NAME)
    other.execute(f"PRAGMA wal_checkpoint({how})")
    other.close()


@on_posix
@pytest.mark.parametrize(("mishap", "what"), CUTS.values(), ids=CUTS)
async def test_a_file_that_is_cut_short_in_its_place_is_noticed_at_the_next_record(
    mishap: Mishap, what: str, tmp_path: Path
) -> None:
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(seq, "x" * 9_000) for seq in range(2, 30)])
    # The lengths that the move leaves are seen at the next record.
    move(tmp_path)
    await journal.append(lease, [later_record(30)])
    mishap(tmp_path)
    before = (tmp_path / f"{FILE_NAME}-wal").read_bytes()

    for _ in range(2):
        with pytest.raises(JournalError, match=rf"{what} was cut short.*nothing is stored"):
            await journal.append(lease, [later_record(31)])
    with pytest.raises(JournalError, match="was cut short"):
        await journal.open_run("s", first_record())
    assert (tmp_path / f"{FILE_NAME}-wal").read_bytes() == before
    await journal.aclose()


@on_posix
async def test_a_file_that_becomes_shorter_in_order_is_written_on(tmp_path: Path) -> None:
    """Another program empties the log, and a removal gives pages of the database back."""
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("d", first_record())
    await journal.append(lease, [later_record(seq, "x" * 90_000) for seq in range(2, 9)])
    for run_id in "abc":
        expired = await journal.open_run(run_id, first_record())
        await journal.append(expired, [later_record(seq, "x" * 90_000) for seq in range(2, 9)])
        await journal.release(expired)
    move(tmp_path, "TRUNCATE")
    log, database = (tmp_path / f"{FILE_NAME}{suffix}" for suffix in ("-wal", ""))
    assert log.stat().st_size == 0
    await journal.append(lease, [later_record(9)])
    long = database.stat().st_size

    other = SqliteJournal(tmp_path)
    assert len(await other.remove(await other.expired(idle_since=None, size_bytes=0))) == 3
    await other.aclose()
    move(tmp_path, "TRUNCATE")
    assert database.stat().st_size < long
    # What comes now makes the database longer than its file, in the log.
    foreign = SqliteJournal(tmp_path)
    await foreign.open_run("e", first_record())
    await foreign.append(Lease("e", 1), [later_record(2, "x" * 90_000)])
    await journal.append(lease, [later_record(10)])

    assert len(await journal.read("d")) == 10
    assert len(await journal.read("e")) == 2
    await foreign.aclose()
    await journal.aclose()


@contextmanager
def no_descriptor_left() -> Generator[None]:
    """Let this process open no further file: what is free up to the limit is taken."""
    resource = pytest.importorskip("resource", reason="limits as POSIX has them")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 20, before[1]))
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in taken:
            os.close(descriptor)


@on_posix
async def test_a_journal_that_is_open_needs_no_further_descriptor(tmp_path: Path) -> None:
    """Hundreds of connections to models may have taken them all."""
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())

    with no_descriptor_left():
        await journal.append(lease, [later_record(seq) for seq in range(2, 12)])
        await journal.append(lease, [later_record(12), later_record(13, "y" * 300_000)])
        other = await journal.open_run("s", first_record())
        await journal.release(other)
        listed = await journal.list_runs()
        records = await journal.read("r")

    assert (len(records), {run.run_id for run in listed}) == (13, {"r", "s"})
    await journal.aclose()


OPENING = """
import resource, sys
from pathlib import Path
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.journal import SqliteJournal

SqliteJournal(Path(sys.argv[1]))
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
for files in range(4, 64):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        journal = SqliteJournal(Path(sys.argv[1]))
    except JournalError as error:
        print(error)
    else:
        print("open")
        break
"""


@on_posix
def test_a_journal_that_cannot_be_opened_for_want_of_descriptors_names_the_limit(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", OPENING, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert told[-1] == "open"
    assert len(told) > 5
    for line in told[:-1]:
        assert "Too many open files" in line
        assert "ulimit -n" in line


async def test_what_is_stored_and_not_on_disk_is_told_as_that(tmp_path: Path) -> None:
    """The record was not refused: the run goes on with it."""
    failing = [False]

    def sync(descriptor: int) -> None:
        if failing[0]:
            raise OSError(errno.EIO, "Input/output error")

    journal = SqliteJournal(tmp_path, sync=sync)
    lease = await journal.open_run("r", first_record())
    failing[0] = True
    with pytest.raises(JournalUnflushed, match=r"it was stored"):
        await journal.append(lease, [later_record(2)])
    failing[0] = False

    assert await journal.read("r") == (first_record(), later_record(2))
    await journal.append(lease, [later_record(3)])
    await journal.aclose()


async def test_a_lease_that_cannot_be_written_back_is_nobodys_and_is_written_back_later(
    tmp_path: Path,
) -> None:
    journal, other = SqliteJournal(tmp_path), SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    path = tmp_path / FILE_NAME
    path.rename(tmp_path / "old")
    with pytest.raises(JournalError):
        await journal.release(lease)
    (tmp_path / "old").rename(path)

    assert not await journal.is_driven("r")
    assert [run.driven for run in await journal.list_runs()] == [False]
    assert await other.is_driven("r"), "it cannot know yet"
    await journal.renew()
    assert not await other.is_driven("r")
    await journal.append(await journal.claim("r"), [later_record(2)])
    await journal.aclose()
    await other.aclose()


async def test_a_journal_that_is_closed_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    await journal.aclose()

    with pytest.raises(JournalError, match="closed"):
        await journal.append(lease, [later_record(2)])
    with pytest.raises(JournalError):
        await journal.read("r")


async def test_opening_a_journal_again_takes_no_lock_from_who_has_it_open(tmp_path: Path) -> None:
    """On POSIX, closing any descriptor of a file drops the locks its process has on it."""
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    await SqliteJournal(tmp_path).aclose()

    log = (tmp_path / f"{FILE_NAME}-wal").stat().st_ino
    # Another process that comes and goes: the last to leave would take the log along.
    look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM runs')"
    await anyio.run_process([sys.executable, "-c", look, str(tmp_path / FILE_NAME)])

    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_ino == log
    await journal.append(lease, [later_record(2)])
    await journal.aclose()


@on_posix
async def test_a_journal_that_goes_while_its_log_is_flushed_is_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving the log into the database comes after the flush, and opens nothing by its name."""
    monkeypatch.setattr(write_ahead_log, "WRITES_A_CHECKPOINT", 1)
    home = tmp_path / "home"
    gone: list[str] = []

    def sync(descriptor: int) -> None:
        for path in sorted(home.glob(f"{FILE_NAME}*")):
            gone.append(path.name)
            path.unlink()

    journal = SqliteJournal(home, sync=sync)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(2)])
    await journal.aclose()

    assert gone == [FILE_NAME, f"{FILE_NAME}-shm", f"{FILE_NAME}-wal"]
    assert not list(home.glob(f"{FILE_NAME}*"))


def test_a_database_that_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    odd = tmp_path / "a 100% odd? #1 ü"
    odd.mkdir()
    connect(odd / FILE_NAME, busy_timeout=1).close()
    assert [path.name for path in odd.iterdir()] == [FILE_NAME]
    open_there(odd / FILE_NAME, busy_timeout=1).close()
    for opened in (open_there, connect_to_read):
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            opened(tmp_path / FILE_NAME, busy_timeout=1)

    assert list(tmp_path.iterdir()) == [odd]
