"""A run of which a part is lost: what can be read is shown, exported and gone on with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from atlas_mcp.atlas.events import Record, RecordLost
from atlas_mcp.atlas.rendering import view_run
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalCorrupt, JournalNewer
from atlas_mcp.journal.sqlite import FILE_NAME, SqliteJournal
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.testing.journal_conformance import first_record, later_record

LAST = 8
"""Records of the run that is damaged."""

Damage: TypeAlias = Callable[[sqlite3.Connection, int], object]


def remove(connection: sqlite3.Connection, seq: int) -> object:
    return connection.execute("DELETE FROM events WHERE seq = ?", (seq,))


def write_over(body: str | bytes) -> Damage:
    def damage(connection: sqlite3.Connection, seq: int) -> object:
        return connection.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))

    return damage


DAMAGES: dict[str, Damage] = {
    "missing": remove,
    "cut off": write_over('{"type": "solver_fin'),
    "empty": write_over(""),
    "no text": write_over(b"\xff\xfe\x00"),
    "of no known kind": write_over('{"type": "dance"}'),
    "of another shape": write_over('{"type": "solver_finished", "explore_id": "x"}'),
    "another thing": write_over("[1, 2]"),
}


def damaged(home: Path, damage: Damage, *seqs: int) -> None:
    connection = sqlite3.connect(home / FILE_NAME)
    with connection:
        for seq in seqs:
            damage(connection, seq)
    connection.close()


async def written(home: Path) -> tuple[Record, ...]:
    journal = SqliteJournal(home)
    lease = await journal.open_run("r", first_record())
    await journal.append(lease, [later_record(seq) for seq in range(2, LAST + 1)])
    records = await journal.read("r")
    await journal.aclose()
    return records


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("seq", range(2, LAST))
async def test_what_is_left_is_shown_exported_and_gone_on_with(
    damage: Damage, seq: int, tmp_path: Path
) -> None:
    whole = await written(tmp_path)
    damaged(tmp_path, damage, seq)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    state = RunState.fold(records)
    view = view_run("r", state, now=0.0, driven=False)
    archived = read_archive("\n".join(write_archive("r", records)), "file")
    lease = await journal.claim("r")
    events = resumption(state)
    await journal.append(
        lease, [Record(state.seq + n, 9.0, event) for n, event in enumerate(events, start=1)]
    )
    resumed = RunState.fold(await journal.read("r"))
    await journal.aclose()

    assert [record.seq for record in records] == list(range(1, LAST + 1))
    assert isinstance(records[seq - 1].event, RecordLost)
    assert [r for r in records if r.seq != seq] == [r for r in whole if r.seq != seq]
    assert any("incomplete" in warning for warning in view.agreement.warnings)
    assert archived == ("r", records)
    assert not resumed.calls_in_flight
    assert (resumed.lost, resumed.seq) == (state.lost, LAST + len(events))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_last_record_that_is_unreadable_leaves_its_run_to_be_gone_on_with(
    damage: Damage, tmp_path: Path
) -> None:
    await written(tmp_path)
    damaged(tmp_path, damage, LAST)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    await journal.append(await journal.claim("r"), [later_record(len(records) + 1)])

    assert len(await journal.read("r")) == len(records) + 1
    await journal.aclose()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_run_without_its_beginning_is_told_and_still_listed(
    damage: Damage, tmp_path: Path
) -> None:
    await written(tmp_path)
    damaged(tmp_path, damage, 1)
    journal = SqliteJournal(tmp_path)

    with pytest.raises(JournalCorrupt, match=r"'r'.*first record.*backup"):
        await journal.read("r")

    assert [run.run_id for run in await journal.list_runs()] == ["r"]
    await journal.aclose()


async def test_a_run_without_any_record_is_told(tmp_path: Path) -> None:
    """What a log that was cut to nothing may leave: the row of a run, and nothing of it."""
    await written(tmp_path)
    damaged(tmp_path, remove, *range(1, LAST + 1))
    journal = SqliteJournal(tmp_path)

    with pytest.raises(JournalCorrupt, match="first record"):
        await journal.read("r")
    await journal.aclose()


async def test_a_run_of_a_newer_version_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    await written(tmp_path)
    newer = json.dumps({"type": "run_resumed", "told": "On.", "version": 2_000})
    damaged(tmp_path, write_over(newer), 5)
    journal = SqliteJournal(tmp_path)

    with pytest.raises(JournalNewer, match="upgrade"):
        await journal.read("r")
    await journal.aclose()


async def test_what_lies_around_a_damaged_page_is_read(tmp_path: Path) -> None:
    """Pages in the middle of a run are overwritten with other bytes."""
    journal = SqliteJournal(tmp_path)
    lease = await journal.open_run("r", first_record())
    for seq in range(2, 301):
        await journal.append(lease, [later_record(seq, "y" * 700)])
    whole = await journal.read("r")
    await journal.aclose()
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    at = data.index(b"y" * 700, len(data) // 2) // 4096 * 4096
    data[at : at + 4096] = b"\x5a" * 4096
    path.write_bytes(data)

    journal = SqliteJournal(tmp_path)
    records = await journal.read("r")
    await journal.aclose()

    lost = [record for record in records if isinstance(record.event, RecordLost)]
    left = [record for record in records if record not in lost]
    assert 1 <= len(lost) < 20
    assert len(records) == len(whole) == 300
    assert left == [record for record in whole if record.seq in {one.seq for one in left}]
    assert RunState.fold(records).lost >= len(lost)
