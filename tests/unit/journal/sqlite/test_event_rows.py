"""A run of which a part is lost: what can be read is shown, exported and gone on with."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest

from atlas_mcp.atlas.events import Record, RecordLost, RunFinished
from atlas_mcp.atlas.explore_requests import check_same_problem
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.resuming import abandonment, resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput, JournalError, JournalNewer
from atlas_mcp.journal.base import LiveRequest
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.journal_conformance import first_record, later_record
from atlas_mcp.views.listing import as_dict
from atlas_mcp.views.rendering import view_of

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


@pytest.mark.every_day(20)
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
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
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


@pytest.mark.every_day(12)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("seqs", [(1,), (1, 2), (1, LAST)])
async def test_a_run_without_its_beginning_is_shown_and_exported_under_its_title(
    damage: Damage, seqs: tuple[int, ...], tmp_path: Path
) -> None:
    whole = await written(tmp_path)
    damaged(tmp_path, damage, *seqs)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    state = RunState.fold(records)
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    archived = read_archive("\n".join(write_archive("r", records)), "file")
    await journal.aclose()

    assert [r for r in records if not isinstance(r.event, RecordLost)] == [
        r for r in whole if r.seq not in seqs
    ]
    assert isinstance(records[0].event, RecordLost)
    assert (records[0].at, records[0].event.title) == (whole[0].at, "How many?")
    assert state.opening_lost
    (told,) = [one for one in view.agreement.warnings if "problem of this run is lost" in one]
    assert '"How many?"' in told
    assert "resume" not in (view.next or "")
    assert archived == ("r", records)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_nothing_is_added_to_a_run_without_its_beginning(
    damage: Damage, tmp_path: Path
) -> None:
    await written(tmp_path)
    damaged(tmp_path, damage, 1)
    journal = SqliteJournal(tmp_path)
    state = RunState.fold(await journal.read("r"))
    await journal.aclose()

    for refused in (
        lambda: resumption(state),
        lambda: resumption(state, max_explores=9),
        lambda: abandonment(state),
        lambda: check_same_problem(state, make_problem("How many?"), "r"),
    ):
        with pytest.raises(InvalidInput, match=r"opens this run.*backup"):
            refused()


async def test_candidates_outlive_the_beginning_of_their_run(tmp_path: Path) -> None:
    """They were paid for. Of their solvers, only the names are known then."""
    await written(tmp_path)
    damaged(tmp_path, remove, 1)
    journal = SqliteJournal(tmp_path)
    finished = RunFinished("answered", "decided", "42")
    await journal.append(await journal.claim("r"), [Record(LAST + 1, 9.0, finished)])

    view = view_of(RunSnapshot("r", RunState.fold(await journal.read("r")), 99.0, driven=False))
    await journal.aclose()

    assert [(one.explore_id, one.solver, one.model, one.answer) for one in view.candidates] == [
        (1, "s", "unknown", "42"),
        (2, "s", "unknown", "42"),
    ]
    assert (view.status, view.answer, view.cost_usd, view.next) == (
        "answered",
        "42",
        Decimal("0.2"),
        None,
    )


async def test_a_run_without_any_record_is_shown_by_its_title(tmp_path: Path) -> None:
    """A log that was cut to nothing may leave the row of a run, and none of its records."""
    await written(tmp_path)
    damaged(tmp_path, remove, *range(1, LAST + 1))
    journal = SqliteJournal(tmp_path)

    (record,) = await journal.read("r")
    await journal.aclose()

    assert record == Record(1, 1.0, RecordLost("it is missing", 1, "How many?"))
    assert RunState.fold([record]).opening_lost


@pytest.mark.parametrize("version", [2_000, 10**30])
async def test_a_beginning_of_a_newer_shape_is_not_taken_for_a_lost_one(
    tmp_path: Path, version: int
) -> None:
    await written(tmp_path)
    newer = json.dumps({"type": "run_opened", "question": "How many?", "version": version})
    damaged(tmp_path, write_over(newer), 1)
    journal = SqliteJournal(tmp_path)

    with pytest.raises(JournalNewer, match="upgrade"):
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


def changed(column: str, value: object) -> Damage:
    def damage(connection: sqlite3.Connection, seq: int) -> object:
        return connection.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (value, seq))

    return damage


def copied(source: int) -> Damage:
    def damage(connection: sqlite3.Connection, seq: int) -> object:
        return connection.execute(
            "UPDATE events SET body = (SELECT body FROM events WHERE seq = ?) WHERE seq = ?",
            (source, seq),
        )

    return damage


@pytest.mark.parametrize("far", [2_000_000, 900_000_000, 2**53 - 2])
async def test_a_gap_of_any_size_is_one_statement(tmp_path: Path, far: int) -> None:
    await written(tmp_path)
    damaged(tmp_path, changed("seq", far), LAST)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    state = RunState.fold(records)
    archived = read_archive("\n".join(write_archive("r", records)), "file")
    await journal.append(await journal.claim("r"), [later_record(far + 1)])
    on = state.read_on(await journal.read("r", after=state.seq))
    await journal.aclose()

    gap = records[LAST - 1]
    assert len(records) == LAST + 1
    assert (gap.seq, gap.event) == (far - 1, RecordLost("it is missing", far - LAST))
    assert (state.seq, state.lost, on.seq) == (far, far - LAST, far + 1)
    assert archived == ("r", records)


async def test_no_record_is_stored_under_a_number_that_none_can_have(tmp_path: Path) -> None:
    await written(tmp_path)
    damaged(tmp_path, changed("seq", 2**53 - 1), LAST)
    journal = SqliteJournal(tmp_path)

    with pytest.raises(JournalError, match="no number is left"):
        await journal.append(await journal.claim("r"), [later_record(2**53)])
    await journal.aclose()


@pytest.mark.parametrize("seq", [4.5, "four", b"4", 0, -4, 2**53, 2**63 - 1])
@pytest.mark.parametrize("place", [4, LAST])
async def test_a_record_under_no_number_is_lost_and_said_to_be(
    tmp_path: Path, seq: object, place: int
) -> None:
    whole = await written(tmp_path)
    damaged(tmp_path, changed("seq", seq), place)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    state = RunState.fold(records)
    later = await journal.read("r", after=5)
    await journal.append(await journal.claim("r"), [later_record(state.seq + 1)])
    await journal.aclose()

    left = [record for record in records if not isinstance(record.event, RecordLost)]
    assert left == [record for record in whole if record.seq != place]
    assert state.lost == 1
    assert later == tuple(record for record in left if record.seq > 5)
    view = view_of(RunSnapshot("r", state, 0.0, driven=False))
    assert any("incomplete: 1 record" in warning for warning in view.agreement.warnings)
    archived = read_archive("\n".join(write_archive("r", records)), "file")
    assert archived == ("r", records)


@pytest.mark.parametrize("at", ["yesterday", b"", float("inf"), -5.0, 1e18])
@pytest.mark.parametrize("place", [1, 4])
async def test_a_record_of_no_known_time_is_taken_for_as_old_as_its_neighbour(
    tmp_path: Path, at: object, place: int
) -> None:
    whole = await written(tmp_path)
    damaged(tmp_path, changed("at", at), place)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    await journal.aclose()

    assert [record.event for record in records] == [record.event for record in whole]
    assert records[place - 1].at == (whole[1].at if place == 1 else whole[place - 2].at)


@pytest.mark.parametrize(
    "damage",
    [copied(1), copied(2), write_over('{"type":"record_lost","reason":"x","count":9}')],
    ids=["opened twice", "planned twice", "never stored"],
)
@pytest.mark.parametrize("seq", [3, 6, LAST])
async def test_a_record_that_cannot_stand_where_it_stands_is_a_lost_one(
    tmp_path: Path, damage: Damage, seq: int
) -> None:
    await written(tmp_path)
    damaged(tmp_path, damage, seq)
    journal = SqliteJournal(tmp_path)

    records = await journal.read("r")
    state = RunState.fold(records)
    archived = read_archive("\n".join(write_archive("r", records)), "file")
    await journal.aclose()

    assert (state.seq, state.lost > 0) == (LAST, True)
    assert archived == ("r", records)
    resumption(state)


@pytest.mark.parametrize("body", ["null", '{"type":"exploring_closed"}'])
async def test_a_run_that_begins_with_something_else_has_lost_its_beginning(
    tmp_path: Path, body: str
) -> None:
    await written(tmp_path)
    damaged(tmp_path, write_over(body), 1)
    journal = SqliteJournal(tmp_path)

    first = (await journal.read("r"))[0]
    await journal.aclose()

    assert isinstance(first.event, RecordLost)
    assert (first.seq, first.event.count, first.event.title) == (1, 1, "How many?")


@pytest.mark.every_day(30)
@pytest.mark.parametrize("value", ["x", b"\xff", 1.5, float("inf"), -1, 2**63 - 1])
@pytest.mark.parametrize(
    "column",
    [
        *("opened_at", "updated_at", "status", "workflow", "title", "owner", "fence"),
        *("lease_until", "stop_cause", "size_bytes"),
    ],
)
async def test_one_row_of_the_list_does_not_take_the_list_along(
    tmp_path: Path, column: str, value: object
) -> None:
    await written(tmp_path)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(f"UPDATE runs SET {column} = ?", (value,))
    connection.execute("UPDATE runs SET title = CAST(? AS TEXT)", (b"\xed\xa0\x80",))
    connection.commit()
    connection.close()
    # Long after: its owner drives it no more.
    journal = SqliteJournal(tmp_path, clock=lambda: 4e9)

    (run,) = await journal.list_runs()
    json.dumps(as_dict(run))
    await journal.expired(idle_since=1e12, size_bytes=0)
    lease = await journal.claim("r")
    await journal.append(lease, [later_record(LAST + 1)])
    assert await journal.renew() == ()
    await journal.request_stop("r", "user")
    assert await journal.take_requests() == {"r": LiveRequest("user")}
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

    left = [record for record in records if not isinstance(record.event, RecordLost)]
    lost = sum(record.event.count for record in records if isinstance(record.event, RecordLost))
    assert 1 <= lost < 20
    assert len(left) + lost == len(whole) == 300
    assert left == [record for record in whole if record.seq in {one.seq for one in left}]
    assert RunState.fold(records).lost >= lost


async def test_a_damaged_run_is_logged_once_however_often_it_is_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await written(tmp_path)
    damaged(tmp_path, remove, 3, 5)
    journal = SqliteJournal(tmp_path)

    for _ in range(3):
        await journal.read("r")
    await journal.aclose()

    told = [record.getMessage() for record in caplog.records]
    assert told == ["run r: 2 of its records cannot be read any more"]


@pytest.mark.posix
def test_what_is_no_regular_file_is_not_taken_for_a_failing_disk(tmp_path: Path) -> None:
    if sys.platform == "win32":
        return
    os.mkfifo(tmp_path / FILE_NAME)

    with pytest.raises(JournalError, match="no regular file; move it away"):
        SqliteJournal(tmp_path)
