"""A journal that cannot be read ends every command alike: one line, and exit code 2."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.program import main

COMMANDS = (
    ("solve", "6 * 7?", "--solver", "scripted/demo"),
    ("explore", "6 * 7?", "--solver", "scripted/demo"),
    ("runs", "list"),
    ("runs", "list", "--json"),
    ("runs", "show", "abcdefghijkmnp"),
    ("runs", "show", "abcdefghijkmnp", "--follow"),
    ("runs", "export", "abcdefghijkmnp"),
    ("runs", "resume", "abcdefghijkmnp"),
    ("runs", "cancel", "abcdefghijkmnp"),
    ("runs", "prune", "--max-size-mb", "0", "--yes"),
)


def no_database(path: Path) -> None:
    path.write_bytes(b"This is a letter, and no database. " * 200)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def another_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE runs")
        connection.execute("CREATE TABLE runs (other)")
    connection.close()


def no_text(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = CAST(x'ff' AS TEXT)")
    connection.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    folder = tmp_path / "atlas"
    anyio.run(SqliteJournal(folder).aclose)
    return folder / FILE_NAME


@pytest.mark.every_day(12)
@pytest.mark.parametrize("damage", [no_database, cut, another_table, no_text])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_damaged_journal_ends_every_command_with_2_and_one_line(
    command: tuple[str, ...],
    damage: Callable[[Path], None],
    journal: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(journal)

    code = main(command)

    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    [line] = shown.err.splitlines()
    assert line.startswith("atlas-mcp: ")
    assert str(journal) in line
