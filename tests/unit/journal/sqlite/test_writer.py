"""Changes under any interleaving of appends, deadlines, cancellations and errors.

The writer's thread stops before each transaction, before it commits it and before each flush until
the schedule lets it go on, so that cancellations come at every stage of a change. Errors come where
the schedule puts them: at BEGIN, at INSERT, behind it, at COMMIT, at the flush.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from threading import Semaphore
from typing import Any, Literal, TypeAlias, get_args

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from atlas_mcp.atlas.summary import summarize
from atlas_mcp.errors import JournalError, JournalUnflushed
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite import run_rows
from atlas_mcp.journal.sqlite.event_rows import add, insert, read
from atlas_mcp.journal.sqlite.lease_rows import LeaseRow
from atlas_mcp.journal.sqlite.opening import Place, connect, connect_to_read
from atlas_mcp.journal.sqlite.write_ahead_log import WriteAheadLog
from atlas_mcp.journal.sqlite.writer import Writer
from atlas_mcp.testing.journal_conformance import first_record, later_record
from tests.support.drawing import draws

Point = Literal["begin", "insert", "update", "commit", "flush"]
POINTS: tuple[Point, ...] = get_args(Point)
Fault: TypeAlias = Literal["full", "rolled back", "disk", "locked"]

RUNS = 3
LONG = 60.0
"""Seconds that no change waits for here."""

NAMES = {"full": "SQLITE_FULL", "rolled back": "SQLITE_FULL", "locked": "SQLITE_BUSY"}


@dataclass
class Disk:
    """The outcomes of writing, and when they come.

    Attributes:
        faults: What happens at a point, one after the other; nothing once they are used up.
        hit: How many of them came.
    """

    faults: dict[Point, list[Fault | None]]
    hit: int = 0
    gates: dict[Point, Semaphore] = field(
        default_factory=lambda: {
            "begin": Semaphore(0),
            "commit": Semaphore(0),
            "flush": Semaphore(0),
        }
    )
    reached: dict[Point, Semaphore] = field(
        default_factory=lambda: {point: Semaphore(0) for point in POINTS}
    )

    def __post_init__(self) -> None:
        self._next = {point: chain(self.faults.get(point, []), repeat(None)) for point in POINTS}

    def reach(self, point: Point, connection: sqlite3.Connection | None = None) -> None:
        self.reached[point].release()
        if point in self.gates:
            assert self.gates[point].acquire(timeout=LONG), "nobody lets it go on"
        fault = next(self._next[point])
        if fault is None:
            return
        self.hit += 1
        if fault == "disk":
            raise OSError(5, "Input/output error")
        if fault == "rolled back" and connection is not None and connection.in_transaction:
            sqlite3.Connection.execute(connection, "ROLLBACK")
        error = sqlite3.OperationalError(f"it is {fault}")
        error.sqlite_errorname = NAMES[fault]
        raise error if point != "flush" else OSError(28, "No space left on device")

    def sync(self, descriptor: int) -> None:
        self.reach("flush")

    def let(self, count: int = 1, *points: Point) -> None:
        for point in points or tuple(self.gates):
            self.gates[point].release(count)

    async def until(self, point: Point) -> None:
        """Return once the writer has come to a point."""
        assert await anyio.to_thread.run_sync(lambda: self.reached[point].acquire(timeout=LONG))


class Faulty(sqlite3.Connection):
    """A connection to a disk that is as the schedule has it."""

    disk: Disk | None = None

    @override
    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        points: dict[str, Point] = {"BEGIN": "begin", "UPDATE": "update", "COMMIT": "commit"}
        point = points.get(sql.split()[0])
        if self.disk is not None and point is not None:
            self.disk.reach(point, self)
        return super().execute(sql, *parameters)

    @override
    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if self.disk is not None:
            self.disk.reach("insert", self)
        return super().executemany(sql, *parameters)


@dataclass
class Append:
    """One append of the schedule, and what its caller was told."""

    run_id: str
    seqs: Sequence[int]
    scope: anyio.CancelScope
    told: Literal["stored", "unflushed", "refused", "cancelled"] | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)


@dataclass
class Scene:
    """Runs whose records are appended as a driver does it: the next goes on from the last."""

    path: Path
    writer: Writer
    disk: Disk
    grace: float = 0.0
    appends: list[Append] = field(default_factory=list[Append])
    last: dict[str, int] = field(default_factory=dict[str, int])

    async def append(self, append: Append) -> None:
        records = [later_record(seq, append.run_id) for seq in append.seqs]
        lease = Lease(append.run_id, 1)
        with append.scope:
            try:
                await self.writer.write(
                    lambda connection: add(connection, lease, records), grace=self.grace
                )
            except JournalUnflushed:
                append.told = "unflushed"
            except JournalError:
                append.told = "refused"
            except anyio.get_cancelled_exc_class():
                append.told = "cancelled"
                raise
            else:
                append.told = "stored"
        append.ended.set()

    def stored(self, run_id: str) -> list[int]:
        connection = connect_to_read(self.path, busy_timeout=1)
        records = read(connection, run_id, 0)
        connection.close()
        assert list(records[1:]) == [later_record(record.seq, run_id) for record in records[1:]]
        return [record.seq for record in records]

    def check(self) -> None:
        for name in self.last:
            seqs = self.stored(name)
            assert seqs == list(range(1, len(seqs) + 1)), "a hole"
            kept = [append for append in self.appends if append.run_id == name]
            told = [seq for one in kept if one.told in ("stored", "unflushed") for seq in one.seqs]
            assert sorted(told) == seqs[1:], "what was refused is not stored, the rest is"
        assert all(append.told for append in self.appends), "nobody is left in doubt"


def opened(path: Path, disk: Disk, patience: float) -> Scene:
    """Make a journal of some runs, and a writer of it."""
    connection = connect(path, busy_timeout=1)
    names = [f"r{number}" for number in range(RUNS)]
    for name in names:
        summary = summarize(None, [first_record()])
        run_rows.add(connection, name, summary, LeaseRow(None, 1, 0.0))
        insert(connection, name, [first_record()], summary)
    connection.close()
    faulty = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, factory=Faulty, timeout=1
    )
    faulty.execute("SELECT 1 FROM runs").fetchall()
    faulty.disk = disk
    writer = Writer(
        faulty, Place.of(path), WriteAheadLog(path, disk.sync), patience, busy_timeout=0
    )
    return Scene(path, writer, disk, last=dict.fromkeys(names, 1))


Step: TypeAlias = tuple[Literal["append", "cancel", "let", "settle"], int, int]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, RUNS - 1), st.integers(1, 3)),
        st.tuples(st.just("append"), st.integers(0, RUNS - 1), st.integers(1, 3)),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("let"), st.integers(1, 2), st.just(0)),
        st.tuples(st.just("settle"), st.just(0), st.just(0)),
    ),
    max_size=25,
)

FAULTS: st.SearchStrategy[dict[Point, list[Fault | None]]] = st.dictionaries(
    st.sampled_from(POINTS),
    st.lists(st.sampled_from([None, None, "full", "rolled back", "disk", "locked"]), max_size=6),
)


async def play(
    steps: Sequence[Step], disk: Disk, patience: float, grace: float, folder: Path
) -> Scene:
    scene = opened(folder / "journal.sqlite3", disk, patience)
    scene.grace = grace
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            for kind, number, count in steps:
                if kind == "append":
                    name = f"r{number}"
                    first = scene.last[name] + 1
                    scene.last[name] += count
                    seqs = range(first, first + count)
                    scene.appends.append(Append(name, seqs, anyio.CancelScope()))
                    tasks.start_soon(scene.append, scene.appends[-1])
                elif kind == "cancel" and scene.appends:
                    scene.appends[number % len(scene.appends)].scope.cancel()
                elif kind == "let":
                    disk.let(number)
                elif kind == "settle":
                    await settle(scene)
                await anyio.lowlevel.checkpoint()
            disk.let(1_000)
        assert await anyio.to_thread.run_sync(scene.writer.close)
    scene.check()
    return scene


async def settle(scene: Scene) -> None:
    """Wait until all are told, then go on from what is stored, as who resumes a run does."""
    scene.disk.let(1_000)
    for append in scene.appends:
        await append.ended.wait()
    for name in scene.last:
        scene.last[name] = len(scene.stored(name))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(STEPS, FAULTS, st.sampled_from([LONG, LONG, 0.0]), st.sampled_from([0.0, LONG]))
@settings(max_examples=draws(60), deadline=None, phases=[Phase.reuse, Phase.generate, Phase.shrink])
def test_no_hole_no_loss_and_no_false_refusal(
    backend: str,
    steps: Sequence[Step],
    faults: dict[Point, list[Fault | None]],
    patience: float,
    grace: float,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(faults)
        scene = anyio.run(play, steps, disk, patience, grace, Path(folder), backend=backend)

    cancelled = any(append.scope.cancel_called for append in scene.appends) and not grace
    if patience == LONG and not disk.hit and not cancelled:
        assert {append.told for append in scene.appends} <= {"stored"}


async def test_a_change_that_is_too_large_for_the_disk_fails_alone(tmp_path: Path) -> None:
    """A disk that is really full: SQLite may end the transaction of all by itself then."""
    disk = Disk({})
    scene = opened(tmp_path / "journal.sqlite3", disk, LONG)
    pages = scene.writer.connection.execute("PRAGMA page_count").fetchone()[0]
    scene.writer.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    lease, errors = Lease("r1", 1), list[JournalError]()

    async def append_too_much() -> None:
        try:
            large = [later_record(seq, "y" * 1_000_000) for seq in (2, 3, 4)]
            await scene.writer.write(lambda connection: add(connection, lease, large))
        except JournalError as error:
            errors.append(error)

    small = [Append(f"r{number}", [2], anyio.CancelScope()) for number in (0, 2)]
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            for append in small:
                tasks.start_soon(scene.append, append)
            tasks.start_soon(append_too_much)
            await anyio.wait_all_tasks_blocked()
            disk.let(20)
        assert await anyio.to_thread.run_sync(scene.writer.close)

    assert [append.told for append in small] == ["stored", "stored"]
    assert [scene.stored(f"r{number}") for number in range(RUNS)] == [[1, 2], [1], [1, 2]]
    (error,) = errors
    assert "full; free some space" in str(error)


async def test_a_change_that_was_not_taken_in_time_is_refused_and_never_made(
    tmp_path: Path,
) -> None:
    disk = Disk({})
    scene = opened(tmp_path / "journal.sqlite3", disk, LONG)
    late = Append("r1", [2], anyio.CancelScope())
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.append, Append("r0", [2], anyio.CancelScope()))
            await disk.until("begin")
            scene.writer.patience = 0.0
            await scene.append(late)
            disk.let(10)
        assert await anyio.to_thread.run_sync(scene.writer.close)

    assert late.told == "refused"
    assert (scene.stored("r0"), scene.stored("r1")) == ([1, 2], [1])


async def test_who_waits_for_the_journal_does_not_queue_behind_other_work_in_threads(
    tmp_path: Path,
) -> None:
    """Decoding pictures may take every thread there is for such work."""
    disk = Disk({})
    disk.let(100)
    scene = opened(tmp_path / "journal.sqlite3", disk, LONG)
    busy, begun = Semaphore(0), Semaphore(0)

    def work() -> None:
        begun.release()
        assert busy.acquire(timeout=LONG)

    threads = int(anyio.to_thread.current_default_thread_limiter().total_tokens)
    own = anyio.CapacityLimiter(1)
    append = Append("r0", [2], anyio.CancelScope())
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            for _ in range(threads):
                tasks.start_soon(anyio.to_thread.run_sync, work)
            for _ in range(threads):
                await anyio.to_thread.run_sync(begun.acquire, limiter=own)
            await scene.append(append)
            busy.release(threads)
        assert await anyio.to_thread.run_sync(scene.writer.close)

    assert append.told == "stored"


async def cancelled_at(disk: Disk, scene: Scene, point: Point) -> Append:
    """Cancel the caller of a change that is at some point, and return what it was told."""
    append = Append("r0", [2], anyio.CancelScope())
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.append, append)
            await disk.until(point)
            append.scope.cancel("a test")
            if point == "commit":
                # It is being written: that is waited for, and nothing else.
                await anyio.wait_all_tasks_blocked()
                assert not append.ended.is_set()
                disk.let(1, "commit")
            await append.ended.wait()
    return append


@pytest.mark.parametrize(
    ("point", "told", "stored"),
    [("begin", "cancelled", [1]), ("commit", "unflushed", [1, 2]), ("flush", "unflushed", [1, 2])],
)
async def test_whose_caller_is_cancelled_is_withdrawn_or_told_and_waits_for_no_lock_and_no_flush(
    tmp_path: Path, point: Point, told: str, stored: list[int]
) -> None:
    disk = Disk({})
    scene = opened(tmp_path / "journal.sqlite3", disk, LONG)
    gates: Sequence[Point] = ("begin", "commit", "flush")
    for passed in gates[: gates.index(point)]:
        disk.let(1, passed)

    append = await cancelled_at(disk, scene, point)
    disk.let(10)
    assert await anyio.to_thread.run_sync(scene.writer.close)

    assert append.told == told
    assert scene.stored("r0") == stored


async def test_nobody_waits_for_another_program_once_nobody_waits_for_the_change(
    tmp_path: Path,
) -> None:
    """A writer that is closed ends although the journal stays locked."""
    path = tmp_path / "journal.sqlite3"
    disk = Disk({})
    disk.let(1_000)
    scene = opened(path, disk, LONG)
    scene.writer.busy_timeout = float("inf")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    append = await cancelled_at(disk, scene, "begin")
    with anyio.fail_after(LONG):
        assert await anyio.to_thread.run_sync(scene.writer.close)

    assert append.told == "cancelled"
    other.execute("ROLLBACK")
    other.close()
    assert scene.stored("r0") == [1]


async def test_changes_whose_transaction_failed_wait_for_no_other_program_once_cancelled(
    tmp_path: Path,
) -> None:
    """They are tried each alone, and can be withdrawn meanwhile."""
    disk = Disk({"commit": ["disk"]})
    scene = opened(tmp_path / "journal.sqlite3", disk, LONG)
    appends = [Append(f"r{number}", [2], anyio.CancelScope()) for number in range(RUNS)]
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            for append in appends:
                tasks.start_soon(scene.append, append)
            await disk.until("begin")
            await anyio.wait_all_tasks_blocked()
            disk.let(1, "begin", "commit")
            await disk.until("begin")
            for append in appends[1:]:
                append.scope.cancel("a test")
                await append.ended.wait()
            disk.let(10)
        assert await anyio.to_thread.run_sync(scene.writer.close)

    assert [append.told for append in appends] == ["stored", "cancelled", "cancelled"]
    assert [scene.stored(f"r{number}") for number in range(RUNS)] == [[1, 2], [1], [1]]
