"""Long texts of records in the file: once a run, counted once, and lost alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RecordLost,
    RunFinished,
)
from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS, Explore
from atlas_mcp.atlas.large_values import LARGE_CHARS
from atlas_mcp.atlas.storable import MAX_TEXT_CHARS, MAX_VALUES
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.large_value_rows import finder
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.testing.journal_conformance import first_record, later_record

LONG = "é漢\n" * LARGE_CHARS
"""A text that is stored apart."""

MOST_BYTES = 1_000_000
"""Bytes that no record comes near: half of the message that a distributed engine takes."""


@contextmanager
def behind_its_back(home: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


async def write(home: Path, *events: Event, run_id: str = "r", problem: str = LONG) -> list[Record]:
    """Store a run whose first record has a long text, and return its records."""
    records = [Record(seq, float(seq), event) for seq, event in enumerate(events, start=2)]
    journal = SqliteJournal(home)
    lease = await journal.open_run(run_id, first_record(problem))
    for record in records:
        await journal.append(lease, [record])
    await journal.aclose()
    return [first_record(problem), *records]


async def test_a_text_is_stored_and_counted_once_a_run(tmp_path: Path) -> None:
    end = RunFinished("answered", "decided", LONG, explanation=LONG)
    for run_id in ("r", "other"):
        written = await write(tmp_path, end, end, run_id=run_id)

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    [size, other] = [run.size_bytes for run in await journal.list_runs()]
    with behind_its_back(tmp_path) as connection:
        stored = connection.execute("SELECT run_id, length(CAST(body AS BLOB)) FROM large_values")
        lengths = dict(stored.fetchall())
        [lines] = connection.execute(
            "SELECT sum(length(CAST(body AS BLOB))) FROM events WHERE run_id = 'r'"
        ).fetchone()
    await journal.aclose()

    assert list(records) == written
    assert lengths.keys() == {"r", "other"}
    assert size == other == lengths["r"] + lines
    assert lines < 4_000


async def test_the_texts_of_a_run_go_with_it(tmp_path: Path) -> None:
    for run_id in ("r", "other"):
        await write(tmp_path, run_id=run_id)

    journal = SqliteJournal(tmp_path)
    listed = await journal.list_runs()
    assert await journal.remove([run for run in listed if run.run_id == "r"]) == ("r",)
    others = await journal.read("other")
    await journal.aclose()

    assert others == (first_record(LONG),)
    with behind_its_back(tmp_path) as connection:
        assert connection.execute("SELECT run_id FROM large_values").fetchall() == [("other",)]


async def test_an_export_holds_whole_values(tmp_path: Path) -> None:
    written = await write(tmp_path, RunFinished("answered", "decided", LONG))

    journal = SqliteJournal(tmp_path)
    text = "\n".join(write_archive("r", await journal.read("r")))
    await journal.aclose()

    assert read_archive(text, "run.jsonl") == ("r", tuple(written))
    assert "$large" not in text


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        ("DELETE FROM large_values WHERE body LIKE 'x%'", "missing"),
        ("UPDATE large_values SET body = substr(body, 2) WHERE body LIKE 'x%'", "damaged"),
        ("UPDATE large_values SET body = x'ff00' WHERE body LIKE 'x%'", "damaged"),
        ("UPDATE large_values SET body = 7 WHERE body LIKE 'x%'", "damaged"),
    ],
)
async def test_a_text_that_is_missing_or_damaged_costs_its_records_alone(
    tmp_path: Path, damage: str, how: str
) -> None:
    lost = RunFinished("answered", "decided", "x" * (LARGE_CHARS + 1))
    written = await write(tmp_path, lost, RunFinished("answered", "decided", LONG), lost)
    with behind_its_back(tmp_path) as connection:
        assert connection.execute(damage).rowcount == 1

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    # It is no torn one, whose place would be free.
    lease = await journal.claim("r")
    await journal.append(lease, [Record(5, 5.0, lost)])
    again = await journal.read("r")
    await journal.aclose()

    gone = RecordLost(f"a long text of it is {how}")
    assert [record.event for record in records] == [written[0].event, gone, written[2].event, gone]
    # Stored anew with the record that brings it, it is there for all of them.
    assert [record.event for record in again] == [*(one.event for one in written), lost]


async def test_a_row_that_does_not_say_whether_it_is_whole_is_read_all_the_same(
    tmp_path: Path,
) -> None:
    written = await write(tmp_path, later_record(2).event)
    with behind_its_back(tmp_path) as connection:
        connection.execute("UPDATE events SET is_split = 'none'")

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    await journal.aclose()

    assert list(records) == written


async def test_an_object_of_the_users_that_looks_like_a_reference_is_kept(tmp_path: Path) -> None:
    like = {"$large": "0" * 64}
    written = await write(
        tmp_path,
        RunFinished("answered", "decided", like),
        RunFinished("answered", "decided", [like, LONG, {"$$large": like}]),
    )

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    await journal.aclose()

    assert list(records) == written


async def test_no_record_is_too_long_for_a_message(tmp_path: Path) -> None:
    """The longest text, as many values as are kept, a long picture, the most explores."""
    instruction = "é漢" * (MAX_INSTRUCTION_CHARS // 2)
    explores = tuple(Planned(n, Explore("s", instruction=instruction)) for n in range(1, 101))
    written = await write(
        tmp_path,
        RunFinished("answered", "decided", "漢" * MAX_TEXT_CHARS, dissent="\n" * MAX_TEXT_CHARS),
        RunFinished("answered", "decided", list(range(MAX_VALUES))),
        RunFinished("answered", "decided", ["y" * (LARGE_CHARS - 1)] * 1_000),
        ExploresPlanned("orchestrator", explores),
        problem="z" * 390_000,
    )

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    await journal.aclose()

    assert list(records) == written
    with behind_its_back(tmp_path) as connection:
        lengths = connection.execute("SELECT length(CAST(body AS BLOB)) FROM events").fetchall()
    assert len(lengths) == 5
    assert max(length for (length,) in lengths) < MOST_BYTES


class Damaged:
    """A connection to a file of which pages are damaged, or that fails otherwise."""

    def __init__(self, name: str) -> None:
        self.error = sqlite3.DatabaseError("the disk image is malformed")
        self.error.sqlite_errorname = name

    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
        raise self.error


def test_a_text_on_a_damaged_page_is_missing_and_other_errors_are_raised() -> None:
    damaged = cast("sqlite3.Connection", Damaged("SQLITE_CORRUPT_VTAB"))
    busy = cast("sqlite3.Connection", Damaged("SQLITE_BUSY"))

    assert finder(damaged, "r")("digest") is None
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        finder(busy, "r")("digest")
