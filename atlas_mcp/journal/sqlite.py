"""The journal of one machine: an SQLite file, write-ahead logged, shared by its processes.

`events` holds the records and only ever grows; `runs` holds one row a run, written in the same
transaction, so that listing needs no fold (`journal.tables`). Appends that arrive while a
transaction is being written are committed together in the next one, and none waits to be written
while the log is being flushed (`journal.flushing`). A lease is a row's `owner` and `lease_until`;
`fence` rises with every claim, and an append under an older fence is refused, so that a process
that slept through its lease cannot write into its successor's run.

The folder is made with mode 0700 and the file with 0600: problems and candidates are private.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Record,
    RunFinished,
    RunOpened,
    RunResumed,
    StopCause,
    decode_event,
    encode_event,
)
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, UnknownRun
from atlas_mcp.journal.base import Journal, Lease, RunSummary, TaskEntry
from atlas_mcp.journal.flushing import Flusher
from atlas_mcp.journal.listing import beyond, newest
from atlas_mcp.journal.owners import OwnerLock, dead_owners, forget, is_dead
from atlas_mcp.journal.space import prepare, shrink
from atlas_mcp.journal.tables import migrate

logger = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite3"
"""Name of the file in `ATLAS_HOME`."""

LEASE_SECONDS = 15.0
"""Seconds without renewal after which a run counts as interrupted."""

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

WAL_RETRY_SECONDS = 0.01
"""Seconds between tries to switch a new file to its write-ahead log."""

COMMIT_TIMEOUT = 15.0
"""Seconds a commit may take, cancelled or not: longer than `BUSY_TIMEOUT`."""

LOG_PAGES = 10_000
"""Pages of the log (40 MB) at which a transaction moves it into the database itself: ten times
SQLite's own figure, since that is done beside the transactions long before."""

TITLE_CHARS = 120
"""Characters of the problem kept for the list."""

RUNS_AT_ONCE = 100
"""Runs removed in one transaction: some tens of milliseconds. Other writers wait for its end, and
lose their runs where that takes `BUSY_TIMEOUT`."""

_ADVICE = {
    "SQLITE_FULL": "; free some space, what is stored is whole",
    "SQLITE_BUSY": "; another program has kept it locked for too long",
    "SQLITE_CORRUPT": "; move it away to begin a new one, `sqlite3 FILE .recover` may read it",
}
"""What to do about faults of the file that are nobody's bug, by SQLite's name for them."""

_T = TypeVar("_T")


class _Standing(NamedTuple):
    """Who drives a run, and when it last changed."""

    owner: str | None
    fence: int
    lease_until: float
    updated_at: float


@dataclass(slots=True)
class _Append:
    """Records of one caller, waiting for a transaction."""

    lease: Lease
    records: Sequence[Record]
    done: bool = False
    error: JournalError | None = None


@dataclass(slots=True)
class SqliteJournal(Journal):
    """A `Journal` in one file.

    Args:
        folder: Where the file is; made with mode 0700 if it is not there.
        clock: Unix seconds, for leases.
        lease_seconds: Seconds without renewal after which a run counts as interrupted.
        sync: Puts what was written to an open file on disk.

    Raises:
        JournalError: The file cannot be opened, or a newer version wrote it.
    """

    folder: Path
    clock: Callable[[], float] = time.time
    lease_seconds: float = LEASE_SECONDS
    sync: Callable[[int], None] = os.fsync
    _owner: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")
    _connection: sqlite3.Connection = field(init=False)
    _lock: OwnerLock = field(init=False)
    _limiter: anyio.CapacityLimiter = field(init=False)
    _flusher: Flusher = field(init=False)
    _waiting: list[_Append] = field(init=False, default_factory=list[_Append])
    _held: dict[str, Lease] = field(init=False, default_factory=dict[str, Lease])
    _owes_leases: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._connection = _connect(self.folder)
        try:
            self._lock = OwnerLock(self.folder, self._owner)
        except OSError as error:
            self._connection.close()
            raise _unusable(self.folder, error) from error
        self._forget_the_dead()
        # One thread at a time uses the connection, and one transaction is written at a time.
        self._limiter = anyio.CapacityLimiter(1)
        self._flusher = Flusher(self.folder / FILE_NAME, self.sync)

    @override
    async def open_run(self, run_id: str, first: Record) -> Lease:
        event = first.event
        if not isinstance(event, RunOpened):
            raise ValueError("the first record of a run opens it")
        lease = Lease(run_id, 1)
        row = (
            run_id,
            first.at,
            first.at,
            "running",
            event.spec.workflow,
            " ".join(event.problem.text.split())[:TITLE_CHARS],
            self._owner,
            lease.fence,
            self.clock() + self.lease_seconds,
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO runs (run_id, opened_at, updated_at, status, workflow, title, owner, "
                "fence, lease_until) VALUES (?,?,?,?,?,?,?,?,?)",
                row,
            )
            _insert(connection, run_id, [first])

        await self._write(write)
        self._held[run_id] = lease
        return lease

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if not records:
            return
        waiting = _Append(lease, records)
        self._waiting.append(waiting)
        with anyio.move_on_after(COMMIT_TIMEOUT, shield=True):
            async with self._limiter:
                if not waiting.done:
                    batch, self._waiting = self._waiting, []
                    await anyio.to_thread.run_sync(self._commit, batch)
        if not waiting.done:
            raise JournalError(
                f"{self.folder / FILE_NAME} took no write for {COMMIT_TIMEOUT:.0f} s"
            )
        if waiting.error is not None:
            raise waiting.error
        await self._flusher.flush()

    @override
    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        def query(connection: sqlite3.Connection) -> list[tuple[int, float, str]]:
            rows = connection.execute(
                "SELECT seq, at, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq",
                (run_id, after),
            ).fetchall()
            if not rows:
                _require(connection, run_id)
            return rows

        return _records(run_id, await self._run(query), after)

    @override
    async def claim(self, run_id: str) -> Lease:
        def write(connection: sqlite3.Connection) -> int:
            row = _require(connection, run_id)
            if self._is_live(row.owner, row.lease_until):
                raise JournalBusy(f"run {run_id!r} is driven by another process; wait for it")
            connection.execute(
                "UPDATE runs SET owner = ?, fence = fence + 1, lease_until = ?, "
                "stop_cause = NULL WHERE run_id = ?",
                (self._owner, self.clock() + self.lease_seconds, run_id),
            )
            return row.fence + 1

        lease = Lease(run_id, await self._write(write))
        self._held[run_id] = lease
        return lease

    @override
    async def renew(self) -> tuple[Lease, ...]:
        held = list(self._held.values())

        def write(connection: sqlite3.Connection) -> list[Lease]:
            until = self.clock() + self.lease_seconds
            return [
                lease
                for lease in held
                if connection.execute(
                    "UPDATE runs SET lease_until = ? WHERE run_id = ? AND owner = ? AND fence = ?",
                    (until, lease.run_id, self._owner, lease.fence),
                ).rowcount
                == 0
            ]

        lost = await self._write(write) if held else []
        for lease in lost:
            if self._held.get(lease.run_id) == lease:
                del self._held[lease.run_id]
        return tuple(lost)

    @override
    async def release(self, lease: Lease) -> None:
        if self._held.get(lease.run_id) == lease:
            del self._held[lease.run_id]
        await self._free([lease])

    @override
    async def is_driven(self, run_id: str) -> bool:
        def query(connection: sqlite3.Connection) -> bool:
            row = _require(connection, run_id)
            return self._is_live(row.owner, row.lease_until)

        return await self._run(query)

    @override
    async def request_stop(self, run_id: str, cause: StopCause) -> None:
        def write(connection: sqlite3.Connection) -> None:
            _require(connection, run_id)
            connection.execute("UPDATE runs SET stop_cause = ? WHERE run_id = ?", (cause, run_id))

        await self._write(write)

    @override
    async def stop_requests(self) -> Mapping[str, StopCause]:
        held = list(self._held.values())

        def query(connection: sqlite3.Connection) -> dict[str, StopCause]:
            wanted: dict[str, StopCause] = {}
            for lease in held:
                row = connection.execute(
                    "SELECT stop_cause FROM runs WHERE run_id = ? AND fence = ?",
                    (lease.run_id, lease.fence),
                ).fetchone()
                if row is not None and row[0] is not None:
                    wanted[lease.run_id] = row[0]
            return wanted

        return await self._run(query) if held else {}

    @override
    async def list_runs(self, *, limit: int | None = 100) -> tuple[RunSummary, ...]:
        return await self._run(lambda connection: newest(connection, limit, self._is_live))

    @override
    async def beyond(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[RunSummary, ...]:
        return await self._run(
            lambda connection: beyond(
                connection,
                idle_since=idle_since,
                size_bytes=size_bytes,
                now=self.clock(),
                drives=self._is_live,
            )
        )

    @override
    async def add_task(self, task: TaskEntry) -> None:
        row = (task.task_id, task.run_id, task.created_at)
        await self._write(
            lambda connection: connection.execute(
                "INSERT INTO tasks (task_id, run_id, created_at) VALUES (?,?,?)", row
            )
        )

    @override
    async def find_task(self, task_id: str) -> TaskEntry | None:
        def query(connection: sqlite3.Connection) -> TaskEntry | None:
            row = connection.execute(
                "SELECT task_id, run_id, created_at FROM tasks WHERE task_id = ?", (task_id,)
            ).fetchone()
            return None if row is None else TaskEntry(*row)

        return await self._run(query)

    @override
    async def remove(self, runs: Sequence[RunSummary]) -> tuple[str, ...]:
        removed: list[str] = []
        for first in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[first : first + RUNS_AT_ONCE]
            began = anyio.current_time()
            removed += await self._write(lambda connection: self._remove(connection, some))  # noqa: B023
            await _give_way(began)
        more = bool(removed)
        while more:
            began = anyio.current_time()
            more = await self._run(shrink)
            await _give_way(began)
        return tuple(removed)

    @override
    async def aclose(self) -> None:
        held, self._held = list(self._held.values()), {}
        with anyio.move_on_after(COMMIT_TIMEOUT, shield=True):
            try:
                if held:
                    await self._free(held)
            except JournalError as error:
                logger.warning("leases could not be given back: %s", error)
            await self._run(lambda connection: connection.close())
        self._lock.release(as_dead=self._owes_leases)

    async def _free(self, leases: Sequence[Lease]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE runs SET owner = NULL WHERE run_id = ? AND owner = ? AND fence = ?",
                [(lease.run_id, self._owner, lease.fence) for lease in leases],
            )

        try:
            await self._write(write)
        except BaseException:
            self._owes_leases = True
            raise

    async def _run(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        def work() -> _T:
            try:
                return query(self._connection)
            except sqlite3.Error as error:
                raise self._failure(error) from error

        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def _write(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        def transaction(connection: sqlite3.Connection) -> _T:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                changed = change(connection)
            self._flusher.wrote()
            return changed

        result = await self._run(transaction)
        await self._flusher.flush()
        return result

    def _commit(self, batch: Sequence[_Append]) -> None:
        """Write what waits in one transaction. A fenced-out append fails alone."""
        connection = self._connection
        failure: JournalError | None = None
        try:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                for append in batch:
                    append.error = self._fenced_out(append.lease)
                    if append.error is None:
                        append.error = _insert_alone(connection, append)
            self._flusher.wrote()
        except sqlite3.Error as error:
            failure = self._failure(error)
            failure.__cause__ = error
        for append in batch:
            append.error = append.error or failure
            append.done = True

    def _failure(self, error: sqlite3.Error) -> JournalError:
        # Errors of Python itself have no name of SQLite.
        advice = _ADVICE.get(getattr(error, "sqlite_errorname", ""), "")
        return JournalError(f"{self.folder / FILE_NAME}: {error}{advice}")

    def _fenced_out(self, lease: Lease) -> JournalError | None:
        row = self._connection.execute(
            "SELECT fence FROM runs WHERE run_id = ?", (lease.run_id,)
        ).fetchone()
        if row is None:
            return UnknownRun(lease.run_id)
        if row[0] != lease.fence:
            return JournalBusy(f"run {lease.run_id!r} has been taken over by another process")
        return None

    def _is_live(self, owner: str | None, lease_until: float) -> bool:
        return owner is not None and lease_until > self.clock() and not is_dead(self.folder, owner)

    def _remove(self, connection: sqlite3.Connection, runs: Sequence[RunSummary]) -> list[str]:
        removed: list[str] = []
        for run in runs:
            row = _standing(connection, run.run_id)
            if row is None or row.updated_at != run.updated_at:
                continue
            if self._is_live(row.owner, row.lease_until):
                continue
            for table in ("tasks", "events", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run.run_id,))
            removed.append(run.run_id)
        return removed

    def _forget_the_dead(self) -> None:
        """Remove what dead processes left behind, once no lease of theirs needs it."""
        dead = dead_owners(self.folder)
        if dead:
            rows = self._connection.execute(
                "SELECT DISTINCT owner FROM runs WHERE lease_until > ?", (self.clock(),)
            ).fetchall()
            for owner in set(dead) - {row[0] for row in rows}:
                forget(self.folder, owner)


def _connect(folder: Path) -> sqlite3.Connection:
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(connection)
            _write_ahead(connection)
            migrate(connection, path)
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            # The log is flushed beside its transactions, not by them.
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise _unusable(folder, error) from error
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, for which SQLite itself does not wait for other processes."""
    until = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return


def _unusable(folder: Path, error: Exception) -> JournalError:
    return JournalError(
        f"the journal {folder / FILE_NAME} cannot be opened: {error}. Set ATLAS_HOME to a folder "
        "you can write to"
    )


def _insert_alone(connection: sqlite3.Connection, append: _Append) -> JournalError | None:
    """Insert one caller's records; what is wrong with them leaves the others' in place."""
    run_id, records = append.lease.run_id, append.records
    connection.execute("SAVEPOINT one")
    try:
        try:
            _insert(connection, run_id, records)
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK TO one")
            if not _make_room(connection, run_id, records[0].seq):
                raise
            _insert(connection, run_id, records)
    except (sqlite3.IntegrityError, ValueError) as error:
        connection.execute("ROLLBACK TO one")
        failure = JournalError(f"run {run_id!r}: its records cannot be stored: {error}")
        failure.__cause__ = error
        return failure
    finally:
        connection.execute("RELEASE one")
    return None


def _make_room(connection: sqlite3.Connection, run_id: str, seq: int) -> bool:
    """Remove the record at `seq` if it was torn: readers leave it out, and its place is free."""
    removed = connection.execute(
        "DELETE FROM events WHERE run_id = ? AND seq = ? AND NOT json_valid(body)", (run_id, seq)
    )
    return removed.rowcount > 0


def _insert(connection: sqlite3.Connection, run_id: str, records: Sequence[Record]) -> None:
    rows = [(run_id, record.seq, record.at, encode_event(record.event)) for record in records]
    connection.executemany("INSERT INTO events (run_id, seq, at, body) VALUES (?,?,?,?)", rows)
    status = next((s for r in reversed(records) if (s := _status_after(r.event))), None)
    connection.execute(
        "UPDATE runs SET updated_at = ?, status = coalesce(?, status), size_bytes = size_bytes + ? "
        "WHERE run_id = ?",
        (records[-1].at, status, sum(len(row[3].encode()) for row in rows), run_id),
    )


def _status_after(event: Event) -> Status | None:
    """Return the status an event gives its run, `None` if it leaves it as it was."""
    if isinstance(event, RunFinished):
        return event.status
    reopens = isinstance(event, ExploresPlanned) and event.origin == "client"
    return "running" if reopens or isinstance(event, RunResumed) else None


def _standing(connection: sqlite3.Connection, run_id: str) -> _Standing | None:
    row = connection.execute(
        "SELECT owner, fence, lease_until, updated_at FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return None if row is None else _Standing(*row)


def _require(connection: sqlite3.Connection, run_id: str) -> _Standing:
    standing = _standing(connection, run_id)
    if standing is None:
        raise UnknownRun(run_id)
    return standing


async def _give_way(began: float) -> None:
    """Pause for as long as something took since `began`: other processes ask again, not in turn."""
    await anyio.sleep(anyio.current_time() - began)


def _records(run_id: str, rows: Sequence[tuple[int, float, str]], after: int) -> tuple[Record, ...]:
    records: list[Record] = []
    for expected, (seq, at, body) in enumerate(rows, start=after + 1):
        try:
            if seq != expected:
                raise JournalCorrupt(f"record {expected} is missing")
            records.append(Record(seq, at, decode_event(body)))
        except JournalCorrupt as error:
            if expected == after + len(rows) and expected > 1:
                logger.warning("run %s: the last record was torn and is left out", run_id)
                break
            raise JournalCorrupt(f"run {run_id!r}, record {expected}: {error}") from error
    return tuple(records)
