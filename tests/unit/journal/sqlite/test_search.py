"""Finding runs in a file: old and damaged ones, one that takes no writes, one without an index."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.digest import DIGEST_VERSION
from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite import store
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.read_only import ReadOnlyJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.testing.journal_conformance import ended_run, first_record, later_record, remove
from tests.support.old_journals import BROKEN_OFF, ENDED, OLD, old_home


@asynccontextmanager
async def opened(home: Path) -> AsyncGenerator[SqliteJournal]:
    journal = SqliteJournal(home)
    try:
        yield journal
    finally:
        await journal.aclose()


async def filled(home: Path) -> None:
    """Make a home of two runs, with digests."""
    async with opened(home) as journal:
        await ended_run(journal, "one", 1.0, "seventeen")
        await ended_run(journal, "two", 2.0, "forty")
        assert await journal.catch_up() == 0


def execute(home: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as connection:
        return [row for one in statements for row in connection.execute(one).fetchall()]


async def found(journal: Journal, text: str) -> list[str]:
    return [one.run.run_id for one in (await journal.search(text)).runs]


@pytest.mark.parametrize("version", sorted(OLD))
async def test_an_old_journal_is_read_once_and_stays_of_its_version(
    tmp_path: Path, version: int
) -> None:
    home = old_home(tmp_path / "home", version)
    seen: list[tuple[int, int]] = []

    async with opened(home) as journal:
        before = execute(home, "PRAGMA user_version")
        assert set(await found(journal, "times 7")) == {BROKEN_OFF, ENDED}
        assert await journal.catch_up(progress=lambda done, of: seen.append((done, of))) == 0
        assert seen[-1] == (2, 2)
        seen.clear()
        assert await journal.catch_up(progress=lambda done, of: seen.append((done, of))) == 0
        assert seen == []
        matches = await journal.search("times 7")

    assert {one.run.run_id for one in matches.runs} == {ENDED, BROKEN_OFF}
    assert not matches.plain
    assert execute(home, "PRAGMA user_version") == before


async def test_no_table_is_made_before_somebody_searches(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await ended_run(journal, "one", 1.0)

    assert execute(tmp_path, "SELECT 1 FROM sqlite_master WHERE name LIKE 'digest%'") == []


async def test_a_search_before_the_first_reading_finds_titles(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await ended_run(journal, "one", 1.0, "seventeen")

        matches = await journal.search("how many")

        assert (matches.plain, [one.run.run_id for one in matches.runs]) == (True, ["one"])
        with pytest.raises(JournalError, match="no statistics yet"):
            await journal.statistics()


@pytest.mark.requirement("FIND-5")
async def test_what_an_older_program_appends_is_found_by_the_next_process(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with opened(tmp_path) as journal:
        await journal.claim("one")
    execute(
        tmp_path, "DROP TABLE digest_changes", "CREATE TABLE digest_changes (run_id PRIMARY KEY)"
    )
    async with opened(tmp_path) as journal:
        lease = await journal.claim("one")
        await journal.append(lease, [Record(3, 3.0, RunFinished("answered", "decided", "ninety"))])
    # An older program notes no change.
    execute(tmp_path, "DELETE FROM digest_changes")

    async with opened(tmp_path) as journal:
        await journal.catch_up()
        assert await found(journal, "ninety") == ["one"]


async def test_a_running_run_is_found_by_what_it_has(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        lease = await journal.open_run("r", first_record("Which river?"))
        await journal.catch_up()
        for seq in (2, 3, 4):
            await journal.append(lease, [later_record(seq, "Danube")])
            await journal.catch_up()

        matches = await journal.search("danube")

    assert [(one.run.run_id, one.run.driven) for one in matches.runs] == [("r", True)]


async def test_reading_stops_when_its_time_is_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        for number in range(5):
            await ended_run(journal, f"r{number}", float(number))

        assert await journal.catch_up(seconds=0) == 5
        matches = await journal.search("how")
        assert (matches.total, matches.unread) == (0, 5)
        assert (await journal.statistics()).unread == 5
        assert await journal.catch_up(seconds=60) == 0
        assert (await journal.search("how")).total == 5


@pytest.mark.requirement("FIND-4")
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE digest_words_data SET block = zeroblob(50)",
        "DELETE FROM digest_words_data",
        "DROP TABLE digest_words_idx",
        "DROP TABLE digest_words_config",
        "DROP TABLE digest_texts",
        "DROP TABLE digest_spending",
        "DROP TABLE digest_changes",
        "DROP TABLE digests",
        "DELETE FROM digest_state",
        "UPDATE digest_state SET value = 0",
    ],
)
async def test_damaged_digests_are_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(tmp_path)
    execute(tmp_path, damage)

    async with opened(tmp_path) as journal:
        await ended_run(journal, "three", 3.0, "seventeen")
        assert await remove(journal, "two") == ("two",)
        assert await journal.catch_up() == 0
        assert await found(journal, "seventeen") == ["three", "one"]
        assert await found(journal, "forty") == []
        assert (await journal.statistics()).runs == 2
        assert not (await journal.search("seventeen")).plain

    assert execute(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert [one.levelno for one in caplog.records] in ([logging.WARNING], [])


async def test_an_index_damaged_while_it_is_used_is_made_anew_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(tmp_path)
    async with opened(tmp_path) as journal:
        await journal.catch_up()
        execute(tmp_path, "DROP TABLE digest_words_idx")
        assert await found(journal, "seventeen") == []
        assert await journal.catch_up() == 0
        assert await found(journal, "seventeen") == ["one"]

        execute(tmp_path, "DROP TABLE digest_words_idx")
        assert (await journal.search("seventeen")).plain
        assert await found(journal, "how") == ["two", "one"]
        execute(tmp_path, "DROP TABLE digest_changes", "DROP TABLE digests")
        await journal.catch_up()
        assert len(await journal.list_runs()) == 2

    assert "made anew" in caplog.text


async def test_digests_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    await filled(tmp_path)
    execute(tmp_path, f"UPDATE digest_state SET value = {DIGEST_VERSION + 1}")

    async with opened(tmp_path) as journal:
        assert await journal.catch_up() == 2
        matches = await journal.search("how many")
        assert (matches.plain, matches.total, matches.unread) == (True, 2, 2)

    assert execute(tmp_path, "SELECT value FROM digest_state") == [(DIGEST_VERSION + 1,)]


async def test_a_journal_that_takes_no_writes_is_searched_as_it_is(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with opened(tmp_path) as journal:
        await ended_run(journal, "three", 3.0, "seventeen")

    journal = ReadOnlyJournal(tmp_path)
    try:
        assert await journal.catch_up() == 1
        matches = await journal.search("seventeen")
        assert ([one.run.run_id for one in matches.runs], matches.unread) == (["one"], 1)
        assert (await journal.statistics()).unread == 1
    finally:
        await journal.aclose()


async def test_an_old_journal_that_takes_no_writes_is_searched_by_titles(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home")
    journal = ReadOnlyJournal(home)
    try:
        assert await journal.catch_up() == 2
        matches = await journal.search("times 7")
        assert (matches.plain, matches.total, matches.unread) == (True, 2, 2)
        assert (await journal.search("")).total == 2
        with pytest.raises(JournalError, match="takes no writes"):
            await journal.statistics()
    finally:
        await journal.aclose()


async def test_without_an_index_in_sqlite_texts_are_looked_through(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, can_index=lambda connection: False)
    try:
        await ended_run(journal, "one", 1.0, "seventeen")

        assert await journal.catch_up() == 0
        matches = await journal.search("seventeen")

        assert (matches.plain, [one.run.run_id for one in matches.runs]) == (True, ["one"])
        assert await remove(journal, "one") == ("one",)
        assert (await journal.search("seventeen")).total == 0
    finally:
        await journal.aclose()


async def test_runs_of_a_newer_version_are_found_by_their_titles(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await ended_run(journal, "new", 1.0, "seventeen")
        execute(
            tmp_path,
            "UPDATE events SET body = replace(body, '\"version\":', '\"version\":9') WHERE seq = 1",
        )

        assert await journal.catch_up() == 0

        assert await found(journal, "how many") == ["new"]
        assert await found(journal, "seventeen") == []


async def test_searches_at_once_read_each_run_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        for number in range(30):
            await ended_run(journal, f"r{number}", float(number))
        left: list[int] = []
        totals: list[int] = []

        async def read() -> None:
            left.append(await journal.catch_up(progress=lambda done, of: totals.append(of)))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(read)

        assert left == [0, 0, 0]
        assert set(totals) == {30}
        assert (await journal.search("how")).total == 30


async def test_a_search_waits_for_another_only_so_long(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        for number in range(5):
            await ended_run(journal, f"r{number}", float(number))
        left: list[int] = []

        async def hurried() -> None:
            left.append(await journal.catch_up(seconds=0))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.catch_up)
            tasks.start_soon(hurried)

        assert left[0] in range(6)


@pytest.mark.requirement("FIND-3")
async def test_many_removed_runs_leave_nothing_behind(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        for number in range(45):
            await ended_run(journal, f"r{number}", float(number), "seventeen")
        await journal.catch_up()

        assert len(await journal.remove(await journal.list_runs(limit=None))) == 45

        tables = ("digests", "digest_texts", "digest_tries", "digest_changes")
        assert [execute(tmp_path, f"SELECT count(*) FROM {table}") for table in tables] == [
            [(0,)]
        ] * 4
        asked = "SELECT count(*) FROM digest_words WHERE digest_words MATCH 'seventeen'"
        assert execute(tmp_path, asked) == [(0,)]


async def test_a_journal_that_is_kept_locked_is_searched_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT", 0.01)
    await filled(tmp_path)
    async with opened(tmp_path) as journal:
        await ended_run(journal, "three", 3.0, "seventeen")
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            assert await journal.catch_up() == 1
            matches = await journal.search("seventeen")
            assert ([one.run.run_id for one in matches.runs], matches.unread) == (["one"], 1)

            other.execute("ROLLBACK")
        assert await journal.catch_up() == 0
        assert (await journal.search("seventeen")).total == 2


async def test_damaged_digests_that_take_no_writes_leave_titles_to_search(tmp_path: Path) -> None:
    await filled(tmp_path)
    execute(tmp_path, "DROP TABLE digests", "CREATE TABLE digests (x)")
    journal = ReadOnlyJournal(tmp_path)
    try:
        assert await journal.catch_up() == 2
        assert await found(journal, "how") == ["two", "one"]
        with pytest.raises(JournalError, match="runs list"):
            await journal.statistics()
    finally:
        await journal.aclose()


async def test_statistics_follow_every_change_of_the_file(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with opened(tmp_path) as journal:
        await journal.catch_up()
        first = await journal.statistics()
        assert await journal.statistics() == first

        await ended_run(journal, "three", 3.0)
        await journal.catch_up()
        assert (await journal.statistics()).runs == 3
        execute(tmp_path, "DELETE FROM digests WHERE run_id = 'one'")
        assert (await journal.statistics()).runs == 2
