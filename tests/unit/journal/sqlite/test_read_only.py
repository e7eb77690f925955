"""A journal that takes no writes: shown as it is, of whatever version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError, JournalNewer
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.read_only import ReadOnlyJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.sqlite.tables import FILE_VERSION

DATA = Path(__file__).parents[3] / "data"


def filled(home: Path, script: str) -> Path:
    """Return a home whose journal is what a script makes."""
    home.mkdir()
    connection = sqlite3.connect(home / FILE_NAME)
    connection.executescript(script)
    connection.close()
    return home


def content(home: Path) -> list[str]:
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()
        return [*connection.iterdump(), str(version)]
    finally:
        connection.close()


async def shown(journal: Journal) -> object:
    """Return all that can be asked of a journal."""
    runs = await journal.list_runs()
    return (
        runs,
        await journal.expired(idle_since=2e9, size_bytes=None),
        [await journal.read(run.run_id) for run in runs],
        [await journal.spending_of(run.run_id) for run in runs],
        await journal.find_task("none"),
    )


@pytest.mark.parametrize("version", range(1, FILE_VERSION))
async def test_an_old_journal_is_shown_like_a_migrated_one_and_stays_as_it_is(
    tmp_path: Path, version: int
) -> None:
    script = (DATA / f"journal_v{version}.sql").read_text(encoding="utf-8")
    home = filled(tmp_path / "old", script)
    before = content(home)
    old = ReadOnlyJournal(home)
    migrated = SqliteJournal(filled(tmp_path / "migrated", script))

    as_old, as_new = await shown(old), await shown(migrated)
    with pytest.raises(JournalError, match="can only be read"):
        await old.claim("bk87bg9rursthe")
    await old.aclose()
    await migrated.aclose()

    assert as_old == as_new
    assert content(home) == before


def test_a_journal_of_a_newer_version_is_refused_as_that(tmp_path: Path) -> None:
    home = filled(tmp_path / "home", f"PRAGMA user_version = {FILE_VERSION + 1}")

    with pytest.raises(JournalNewer, match="upgrade atlas-mcp"):
        ReadOnlyJournal(home)
