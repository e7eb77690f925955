"""The journal of one machine: an SQLite file, write-ahead logged, shared by its processes.

`events` holds the records and only ever grows; `runs` holds one row a run, written in the same
transaction, so that listing needs no fold (`tables`). Changes that come in while a
transaction is being written are committed together in the next one, by a thread of the journal's
own (`writer`); none waits to be written while the log is being flushed
(`write_ahead_log`). Reading has connections of its own: one for the records of runs, which may be
megabytes, and one for look-ups of single rows, which wait for no run to be read. A lease is a row's
`owner` and `lease_until`; `fence` rises with every claim, and an append under an older fence is
refused, so that a process that slept through its lease cannot write into its successor's run.

The folder is made with mode 0700 and the file with 0600: problems and candidates are private.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.events import Record, RecordLost, RunOpened, StopCause
from atlas_mcp.closing import last_act
from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.base import Journal, Lease, ListedRun, TaskEntry
from atlas_mcp.journal.sqlite import columns
from atlas_mcp.journal.sqlite.event_rows import Standing, add, insert, read, require, standing
from atlas_mcp.journal.sqlite.faults import Fault, opening_failure
from atlas_mcp.journal.sqlite.opening import Place, connect, connect_to_read
from atlas_mcp.journal.sqlite.process_locks import (
    ProcessLock,
    dead_owners,
    forget,
    is_alive,
    is_dead,
)
from atlas_mcp.journal.sqlite.reader import Reader
from atlas_mcp.journal.sqlite.run_rows import expired, newest
from atlas_mcp.journal.sqlite.space import shrink
from atlas_mcp.journal.sqlite.spending_rows import committed, committed_by, release, reserve
from atlas_mcp.journal.sqlite.write_ahead_log import WriteAheadLog
from atlas_mcp.journal.sqlite.writer import Writer

logger = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite3"
"""Name of the file in `ATLAS_HOME`."""

LEASE_SECONDS = 15.0
"""Seconds without renewal after which a run counts as interrupted."""

LEASES_AHEAD = 2
"""A lease that ends later than so many of them from now was not taken by this machine's clock."""

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

COMMIT_TIMEOUT = 15.0
"""Seconds a change may wait to be taken: longer than `BUSY_TIMEOUT`."""

RECORD_SECONDS = 1.0
"""Seconds for which records still wait to be taken once the caller that appends them is cancelled:
what arrived was paid for, and nothing can be stored behind records that are missing."""

CLOSE_SECONDS = 3.0
"""Seconds for giving leases back and closing files; what takes longer ends with the process."""

TITLE_CHARS = 120
"""Characters of the problem kept for the list."""

RUNS_AT_ONCE = 100
"""Runs removed in one transaction: some tens of milliseconds. Other writers wait for its end, and
lose their runs where that takes `BUSY_TIMEOUT`."""

_WANTED = """
SELECT run_id, fence, stop_cause FROM json_each(?) AS held JOIN runs ON run_id = held.value
WHERE stop_cause IS NOT NULL
"""
"""Who is wanted to stop, of so many runs at a glance: it is asked for twice a second."""

_T = TypeVar("_T")


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
    _lock: ProcessLock = field(init=False)
    _writer: Writer = field(init=False)
    _records: Reader = field(init=False)
    _rows: Reader = field(init=False)
    _held: dict[str, Lease] = field(init=False, default_factory=dict[str, Lease])
    _owed: set[Lease] = field(init=False, default_factory=set[Lease])
    _told_of: set[str] = field(init=False, default_factory=set[str])

    def __post_init__(self) -> None:
        path = self.folder / FILE_NAME
        with ExitStack() as opened:
            try:
                connection = connect(path, busy_timeout=BUSY_TIMEOUT)
                opened.callback(connection.close)
                self._records = Reader(path, connect_to_read(path, busy_timeout=BUSY_TIMEOUT))
                opened.callback(self._records.connection.close)
                self._rows = Reader(path, connect_to_read(path, busy_timeout=BUSY_TIMEOUT))
                opened.callback(self._rows.connection.close)
                log = WriteAheadLog(path, self.sync)
                opened.callback(log.close)
                self._lock = ProcessLock(self.folder, self._owner)
                opened.callback(self._lock.release)
                place = Place.of(path)
                self._writer = Writer(connection, place, log, COMMIT_TIMEOUT, BUSY_TIMEOUT)
                self._forget_the_dead()
            except Fault as error:
                raise opening_failure(path, error) from error
            opened.pop_all()

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
            insert(connection, run_id, [first])

        # The append that announces its first call puts it on disk as well. Before that nothing has
        # been spent that a power cut could lose, and its caller waits for a handle.
        await self._write(write, durable=False)
        self._held[run_id] = lease
        return lease

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if not records:
            return
        await self._write(lambda connection: add(connection, lease, records), grace=RECORD_SECONDS)

    @override
    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        records = await self._records.ask(lambda connection: read(connection, run_id, after))
        events = [record.event for record in records]
        lost = sum(max(1, event.count) for event in events if isinstance(event, RecordLost))
        if lost and run_id not in self._told_of:
            self._told_of.add(run_id)
            logger.warning("run %s: %d of its records cannot be read any more", run_id, lost)
        return records

    @override
    async def claim(self, run_id: str) -> Lease:
        def write(connection: sqlite3.Connection) -> int:
            row = require(connection, run_id)
            if self._is_driven(run_id, row):
                raise JournalBusy(f"run {run_id!r} is driven by another process; wait for it")
            connection.execute(
                "UPDATE runs SET owner = ?, fence = ?, lease_until = ?, "
                "stop_cause = NULL WHERE run_id = ?",
                (self._owner, row.fence + 1, self.clock() + self.lease_seconds, run_id),
            )
            return row.fence + 1

        lease = Lease(run_id, await self._write(write, durable=False))
        self._held[run_id] = lease
        return lease

    @override
    async def renew(self) -> tuple[Lease, ...]:
        held = list(self._held.values())

        def write(connection: sqlite3.Connection) -> list[Lease]:
            fences = dict(
                connection.execute(
                    "SELECT run_id, fence FROM runs WHERE owner = ? AND run_id IN "
                    "(SELECT value FROM json_each(?))",
                    (self._owner, json.dumps([lease.run_id for lease in held])),
                )
            )
            ours = [lease for lease in held if fences.get(lease.run_id) == lease.fence]
            connection.execute(
                "UPDATE runs SET lease_until = ? WHERE run_id IN (SELECT value FROM json_each(?))",
                (self.clock() + self.lease_seconds, json.dumps([lease.run_id for lease in ours])),
            )
            return [lease for lease in held if fences.get(lease.run_id) != lease.fence]

        lost = await self._write(write, durable=False) if held else []
        for lease in lost:
            if self._held.get(lease.run_id) == lease:
                del self._held[lease.run_id]
        if self._owed:
            # Last, and tried again the next time: what is held must not lapse over it.
            with suppress(JournalError):
                await self._free(tuple(self._owed))
        return tuple(lost)

    @override
    async def release(self, lease: Lease) -> None:
        if self._held.get(lease.run_id) == lease:
            del self._held[lease.run_id]
        await self._free([lease])

    @override
    async def is_driven(self, run_id: str) -> bool:
        def query(connection: sqlite3.Connection) -> bool:
            return self._is_driven(run_id, require(connection, run_id))

        return await self._rows.ask(query)

    @override
    async def request_stop(self, run_id: str, cause: StopCause) -> None:
        def write(connection: sqlite3.Connection) -> None:
            require(connection, run_id)
            connection.execute("UPDATE runs SET stop_cause = ? WHERE run_id = ?", (cause, run_id))

        await self._write(write, durable=False)

    @override
    async def stop_requests(self) -> Mapping[str, StopCause]:
        held = dict(self._held)

        def query(connection: sqlite3.Connection) -> dict[str, StopCause]:
            rows = connection.execute(_WANTED, (json.dumps(list(held)),))
            return {
                run_id: columns.stop_cause(cause)
                for run_id, fence, cause in rows
                if held[run_id].fence == fence
            }

        return await self._rows.ask(query) if held else {}

    @override
    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        asker = self._records if limit is None else self._rows
        runs = await asker.ask(lambda connection: newest(connection, limit, self._is_live))
        given_back = {lease.run_id for lease in self._owed} - self._held.keys()
        return tuple(
            replace(run, driven=False) if run.run_id in given_back else run for run in runs
        )

    @override
    async def expired(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[ListedRun, ...]:
        return await self._records.ask(
            lambda connection: expired(
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
            if row is None:
                return None
            _, run_id, created_at = row
            return TaskEntry(task_id, columns.text(run_id), columns.seconds(created_at))

        return await self._rows.ask(query)

    @override
    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        removed: list[str] = []
        for first in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[first : first + RUNS_AT_ONCE]
            began = anyio.current_time()
            removed += await self._write(lambda connection: self._remove(connection, some))  # noqa: B023
            await _give_way(began)
        more = bool(removed)
        while more:
            began = anyio.current_time()
            more = await self._write(shrink, durable=False, alone=True)
            await _give_way(began)
        return tuple(removed)

    @override
    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        # The records of the call that it is for come after it, and are waited for on disk.
        return await self._write(
            lambda connection: reserve(connection, run_id, day=day, usd=usd, cap=cap),
            durable=False,
        )

    @override
    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        await self._write(
            lambda connection: release(connection, run_id, day=day, usd=usd), durable=False
        )

    @override
    async def spending_of(self, run_id: str) -> Decimal | None:
        return await self._rows.ask(lambda connection: committed_by(connection, run_id))

    @override
    async def spending(self, day: str) -> Decimal | None:
        return await self._rows.ask(lambda connection: committed(connection, day))

    @override
    async def aclose(self) -> None:
        held, self._held = list(self._held.values()), {}
        try:
            with last_act(f"closing {self.folder / FILE_NAME}", CLOSE_SECONDS):
                try:
                    if held:
                        with anyio.move_on_after(CLOSE_SECONDS / 2) as giving_back:
                            await self._free(held)
                        if giving_back.cancelled_caught:
                            raise JournalError("another program keeps the journal locked")
                except JournalError as error:
                    logger.warning("leases could not be given back: %s", error)
                await self._close()
        finally:
            self._lock.release(as_dead=bool(self._owed))

    async def _close(self) -> None:
        await self._records.aclose()
        await self._rows.aclose()
        own = anyio.CapacityLimiter(1)
        # Abandoned where the disk does not answer: its files close with the process.
        closed = await anyio.to_thread.run_sync(
            self._writer.close, limiter=own, abandon_on_cancel=True
        )
        if not closed:
            logger.warning("%s is left open: its disk does not answer", self.folder / FILE_NAME)

    async def _free(self, leases: Sequence[Lease]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE runs SET owner = NULL WHERE run_id = ? AND owner = ? AND fence = ?",
                [(lease.run_id, self._owner, lease.fence) for lease in leases],
            )

        self._owed.update(leases)
        await self._write(write, durable=False)
        self._owed.difference_update(leases)

    async def _write(
        self,
        change: Callable[[sqlite3.Connection], _T],
        *,
        durable: bool = True,
        alone: bool = False,
        grace: float = 0.0,
    ) -> _T:
        """Change the file, in one transaction with whatever else is waiting."""
        return await self._writer.write(change, durable=durable, alone=alone, grace=grace)

    def _is_driven(self, run_id: str, row: Standing) -> bool:
        # One that was given back and could not be written back is nobody's.
        given_back = row.owner == self._owner and Lease(run_id, row.fence) in self._owed
        return not given_back and self._is_live(row.owner, row.lease_until)

    def _is_live(self, owner: str | None, lease_until: float) -> bool:
        left = lease_until - self.clock()
        if owner is None or left <= 0:
            return False
        if left > LEASES_AHEAD * max(self.lease_seconds, LEASE_SECONDS):
            # Of a clock that was set back, or damaged: who lives writes another within seconds.
            return is_alive(self.folder, owner)
        return not is_dead(self.folder, owner)

    def _remove(self, connection: sqlite3.Connection, runs: Sequence[ListedRun]) -> list[str]:
        removed: list[str] = []
        for run in runs:
            row = standing(connection, run.run_id)
            if row is None or row.updated_at != run.updated_at:
                continue
            if self._is_driven(run.run_id, row):
                continue
            for table in ("tasks", "events", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run.run_id,))
            removed.append(run.run_id)
        return removed

    def _forget_the_dead(self) -> None:
        """Remove what dead processes left behind, once no lease of theirs needs it."""
        dead = dead_owners(self.folder)
        if dead:
            rows = self._rows.connection.execute(
                "SELECT DISTINCT owner FROM runs WHERE lease_until > ?", (self.clock(),)
            ).fetchall()
            for owner in set(dead) - {row[0] for row in rows}:
                forget(self.folder, owner)


async def _give_way(began: float) -> None:
    """Pause for as long as something took since `began`: other processes ask again, not in turn."""
    await anyio.sleep(anyio.current_time() - began)
