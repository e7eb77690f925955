"""Journals of older versions: opened, read, gone on with; never half brought up to date."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot

from atlas_mcp.atlas.codec import decode_event
from atlas_mcp.atlas.events import Record, RunResumed
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalError, JournalInUse
from atlas_mcp.journal.registry import open_journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.sqlite.tables import FILE_VERSION, migrate
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.scripted import Recording
from atlas_mcp.views.rendering import view_of
from tests.support.old_journals import BROKEN_OFF, ENDED, OLD, OLDER, lease_to_older, old_home
from tests.support.stopped_runs import in_todays_words, text_in_todays_words

old_versions = pytest.mark.parametrize("version", sorted(OLD))

OPENER = """
import sys
from pathlib import Path
from atlas_mcp.journal.sqlite.journal import SqliteJournal

for line in sys.stdin:
    SqliteJournal(Path(line.strip()))
    print("open", flush=True)
"""
"""A process that opens one journal after the other, each when it is told to."""


def dump(home: Path) -> list[str]:
    """Return all that is in a journal, as SQL."""
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return [f"version {version}", *connection.iterdump()]
    finally:
        connection.close()


def columns(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the definitions of the tables and indexes of a journal."""
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        names = connection.execute("SELECT name, type FROM sqlite_master").fetchall()
        return {
            name: connection.execute(
                f"PRAGMA {'table_info' if kind == 'table' else 'index_info'}({name})"
            ).fetchall()
            for name, kind in names
        }
    finally:
        connection.close()


def bodies(home: Path, run_id: str) -> list[str]:
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        query = "SELECT body FROM events WHERE run_id = ? ORDER BY seq"
        return [body for (body,) in connection.execute(query, (run_id,))]
    finally:
        connection.close()


def test_there_is_a_journal_of_every_older_version() -> None:
    assert sorted(OLD) == list(range(1, FILE_VERSION))


@old_versions
async def test_an_old_journal_is_listed_with_all_its_runs(tmp_path: Path, version: int) -> None:
    home = old_home(tmp_path / "home", version)
    sizes = {run: sum(len(b.encode()) for b in bodies(home, run)) for run in (ENDED, BROKEN_OFF)}

    journal = SqliteJournal(home)
    runs = {run.run_id: run for run in await journal.list_runs()}
    await journal.aclose()

    assert {run_id: run.size_bytes for run_id, run in runs.items()} == sizes
    ended, broken_off = runs[ENDED], runs[BROKEN_OFF]
    assert (ended.status, broken_off.status) == ("answered", "running")
    assert not ended.driven
    assert not broken_off.driven
    assert ended.title == "What is 6 times 7?"
    assert ended.updated_at > ended.opened_at > 1.7e9


@old_versions
async def test_the_runs_of_an_old_journal_are_read_and_fold(tmp_path: Path, version: int) -> None:
    home = old_home(tmp_path / "home", version)
    written = {run: [decode_event(b) for b in bodies(home, run)] for run in (ENDED, BROKEN_OFF)}

    journal = SqliteJournal(home)
    ended, broken_off = [await journal.read(run) for run in (ENDED, BROKEN_OFF)]
    await journal.aclose()

    assert [record.event for record in ended] == written[ENDED]
    assert [record.event for record in broken_off] == written[BROKEN_OFF]
    view = view_of(RunSnapshot(ENDED, RunState.fold(ended), 0.0, driven=False))
    assert (view.status, view.answer, len(view.candidates)) == ("answered", "19", 3)
    left = view_of(RunSnapshot(BROKEN_OFF, RunState.fold(broken_off), 0.0, driven=False))
    assert (left.status, len(left.candidates)) == ("interrupted", 2)
    assert RunState.fold(broken_off).turn_in_flight


@old_versions
async def test_a_journal_that_was_brought_up_to_date_is_like_a_new_one(
    tmp_path: Path, version: int
) -> None:
    home = old_home(tmp_path / "old", version)
    before = columns(home)
    for folder in (home, tmp_path / "new"):
        await SqliteJournal(folder).aclose()

    assert columns(home) == columns(tmp_path / "new") != before


@old_versions
@pytest.mark.requirement("PAID-9")
async def test_a_run_of_an_old_journal_is_gone_on_with(tmp_path: Path, version: int) -> None:
    home = old_home(tmp_path / "home", version)

    def answer(request: ModelRequest) -> Says:
        return Says({"answer": "42", "supported": True, "explanation": "", "confidence_percent": 9})

    model = Recording(answer, label="demo")
    settings = Settings(home=home)
    pool = Pool(settings, {model.name: model})
    async with open_service(settings, pool=pool) as service:
        before = await service.read(BROKEN_OFF)
        asked = RunState.fold(before).turns[-1].asked
        await service.resume(BROKEN_OFF)
        with anyio.fail_after(10):
            view = view_of(await service.wait(BROKEN_OFF, 10))
        after = await service.read(BROKEN_OFF)

    assert (view.status, view.answer, len(view.candidates)) == ("answered", "42", 2)
    (request,) = model.requests
    assert request.turns == (in_todays_words(asked.said),)
    assert request.system == text_in_todays_words(asked.system)
    assert request.tools == asked.tools
    assert after[: len(before)] == before
    assert any(isinstance(record.event, RunResumed) for record in after)


@old_versions
async def test_a_run_of_an_old_journal_is_exported_whole(tmp_path: Path, version: int) -> None:
    journal = SqliteJournal(old_home(tmp_path / "home", version))
    records: tuple[Record, ...] = await journal.read(ENDED)
    await journal.aclose()

    text = "\n".join(write_archive(ENDED, records))

    assert read_archive(text, "run.jsonl") == (ENDED, records)


def test_processes_that_come_at_once_bring_a_journal_up_to_date_together(tmp_path: Path) -> None:
    homes = [old_home(tmp_path / f"old-{n}", 1 + n % len(OLD)) for n in range(6)]
    homes += [tmp_path / f"new-{n}" for n in range(6)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for home in homes:
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{home}\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "open\n", process.communicate()[1]
        ends = [process.communicate() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()

    assert [err for _, err in ends] == [""] * 3
    for home in homes:
        assert dump(home)[0] == f"version {FILE_VERSION}"
        assert columns(home) == columns(homes[-1])
    for home in homes[:6]:
        assert len(bodies(home, ENDED)) == 14


@pytest.mark.may_block("the test brings the file up to date itself")
@old_versions
async def test_a_process_that_dies_while_it_migrates_leaves_the_old_version_or_the_new_one(
    tmp_path: Path, version: int
) -> None:
    home = old_home(tmp_path / "home", version)
    before = dump(home)
    copies: list[Path] = []

    def die(statement: str) -> None:
        """Keep what a process would leave that dies before `statement`."""
        copies.append(tmp_path / f"left-{len(copies)}")
        shutil.copytree(home, copies[-1])

    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    connection.set_trace_callback(die)
    migrate(connection, home / FILE_NAME)
    connection.set_trace_callback(None)
    connection.close()
    after = dump(home)

    assert after[0] == f"version {FILE_VERSION}"
    assert len(copies) > 5
    for copy in copies:
        assert dump(copy) == before
        await SqliteJournal(copy).aclose()
        assert dump(copy) == after


@old_versions
async def test_a_migration_that_fails_leaves_the_old_version_whole(
    tmp_path: Path, version: int
) -> None:
    home = old_home(tmp_path / "home", version)
    connection = sqlite3.connect(home / FILE_NAME)
    # In the way of what the last script makes, after much else of it has been done.
    connection.execute("CREATE TABLE cuts_by_client (name TEXT)")
    connection.close()
    before = dump(home)

    with pytest.raises(JournalError, match="cuts_by_client"):
        SqliteJournal(home)

    assert dump(home) == before
    connection = sqlite3.connect(home / FILE_NAME)
    connection.execute("DROP TABLE cuts_by_client")
    connection.close()
    await SqliteJournal(home).aclose()
    assert dump(home)[0] == f"version {FILE_VERSION}"


@old_versions
@pytest.mark.may_block("the test looks into files itself")
async def test_no_table_is_changed_while_an_older_version_drives_a_run(
    tmp_path: Path, version: int
) -> None:
    home = old_home(tmp_path / "home", version)
    older = lease_to_older(home)
    before = dump(home)

    with pytest.raises(JournalInUse) as failure:
        SqliteJournal(home)

    assert dump(home) == before
    assert failure.value.runs == {BROKEN_OFF: OLDER}
    assert str(failure.value).replace(str(home), "HOME") == snapshot(
        "the journal HOME/journal.sqlite3 cannot be brought up to date yet, since an older version "
        "of atlas-mcp drives runs of it: `brokenoffrun22` (process 4711). Try again once they have "
        "ended, or end the process: what is found is kept, and runs can be resumed"
    )
    older.release(as_dead=True)
    await SqliteJournal(home).aclose()
    assert dump(home)[0] == f"version {FILE_VERSION}"


@pytest.mark.may_block("the test looks into files itself")
async def test_the_lease_of_an_older_version_ends_with_its_time_as_well(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home")
    older = lease_to_older(home, seconds=-1.0)
    await SqliteJournal(home).aclose()
    assert dump(home)[0] == f"version {FILE_VERSION}"
    older.release()


@old_versions
@pytest.mark.may_block("the test looks into files itself")
async def test_runs_are_shown_while_an_older_version_drives_one(
    tmp_path: Path, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    home = old_home(tmp_path / "home", version)
    older = lease_to_older(home)
    before = dump(home)

    journal = open_journal(home, looks=True)
    runs = {run.run_id: run for run in await journal.list_runs()}
    assert (await journal.read(BROKEN_OFF))[0].seq == 1
    assert await journal.drivers() == ()
    await journal.aclose()

    assert [(run.driven, run.owner) for run in (runs[ENDED], runs[BROKEN_OFF])] == [
        (False, None),
        (True, OLDER),
    ]
    assert dump(home) == before
    assert "nothing can be recorded now" in caplog.text
    older.release()
