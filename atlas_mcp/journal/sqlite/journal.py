"""The journal of one machine: an SQLite file, write-ahead logged, shared by its processes.

`events` holds the records and only ever grows; `runs` has one row a run, written in the same
transaction, so that listing runs reads no record (`tables`). Changes that come in while a
transaction is being written are committed together in the next one (`writer`); none waits to be
written while the log is being flushed (`write_ahead_log`). A process that slept through its lease
cannot write into its successor's run: an append under an older fence is refused (`leases`).

The folder is made with mode 0700 and the file with 0600: problems and candidates are private.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import anyio
from typing_extensions import override

from atlas_mcp.atlas.events import Record, RecordLost, StopCause
from atlas_mcp.atlas.summary import summarize
from atlas_mcp.closing import last_act
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import (
    Journal,
    Lease,
    ListedRun,
    LiveRequest,
    RunProgress,
    TaskEntry,
)
from atlas_mcp.journal.followers import Followers
from atlas_mcp.journal.search import FoundRuns, Progress, Statistics
from atlas_mcp.journal.sqlite import (
    caller_rows,
    event_rows,
    lease_rows,
    run_rows,
    spending_rows,
    task_rows,
)
from atlas_mcp.journal.sqlite.clients import SqliteClients
from atlas_mcp.journal.sqlite.digest_rows import can_index
from atlas_mcp.journal.sqlite.faults import Fault, opening_failure
from atlas_mcp.journal.sqlite.leases import SqliteLeases
from atlas_mcp.journal.sqlite.process_locks import ProcessLock, dead_owners, forget
from atlas_mcp.journal.sqlite.processes import LEASE_SECONDS, Processes
from atlas_mcp.journal.sqlite.search import SqliteSearch
from atlas_mcp.journal.sqlite.space import shrink
from atlas_mcp.journal.sqlite.store import FILE_NAME, Store, open_store

logger = logging.getLogger(__name__)

RECORD_SECONDS = 1.0
"""Seconds for which records stay queued after the caller that appends them was cancelled: their
replies were paid for, and later records cannot be stored without them."""

CLOSE_SECONDS = 3.0
"""Seconds for giving leases back and closing files; after them the process may end without it."""

RUNS_AT_ONCE = 100
"""Runs removed in one transaction, which takes some tens of milliseconds. Other writers wait for
its end, and lose their runs if that takes `BUSY_TIMEOUT`."""


@dataclass(slots=True)
class SqliteJournal(SqliteClients, Journal):
    """A `Journal` in one file.

    Args:
        folder: The folder of the file; made with mode 0700 if it is not there.
        clock: Unix seconds, for leases.
        lease_seconds: Seconds without renewal after which a run counts as interrupted.
        sync: Puts the written part of an open file on disk.
        can_index: Returns whether SQLite can keep an index of words.

    Raises:
        JournalInUse: An older version still drives runs of it.
        JournalError: The file cannot be opened, or a newer version wrote it.
    """

    folder: Path
    clock: Callable[[], float] = time.time
    lease_seconds: float = LEASE_SECONDS
    sync: Callable[[int], None] = os.fsync
    can_index: Callable[[sqlite3.Connection], bool] = can_index
    _lock: ProcessLock | None = field(init=False, default=None)
    _followers: Followers = field(init=False, default_factory=Followers)
    _search: SqliteSearch = field(init=False)
    _found_damaged: set[str] = field(init=False, default_factory=set[str])

    def __post_init__(self) -> None:
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        with ExitStack() as opened:
            try:
                self._store = self._open(opened, owner)
            except Fault as error:
                raise opening_failure(self.folder / FILE_NAME, error) from error
            opened.pop_all()
        self._leases = SqliteLeases(self._store, self.folder, owner, self.clock, self.lease_seconds)
        has_locks = self._lock is None or self._lock.is_held
        self._search = SqliteSearch(self._store, self._leases, self.can_index)
        self._processes = Processes(self.folder, owner, self.clock, has_locks)

    def _open(self, opened: ExitStack, owner: str) -> Store:
        """Open the files, and mark this process as alive."""
        store = open_store(self.folder, opened, sync=self.sync, clock=self.clock)
        self._lock = ProcessLock(self.folder, owner)
        opened.callback(self._lock.release)
        _forget_the_dead(store, self.folder, self.clock())
        return store

    @override
    async def open_run(self, run_id: str, first: Record) -> Lease:
        summary = summarize(None, [first])
        lease = Lease(run_id, 1)
        row = self._leases.new(lease.fence)

        def write(connection: sqlite3.Connection) -> None:
            run_rows.add(connection, run_id, summary, row)
            event_rows.insert(connection, run_id, [first], summary)

        # The append that announces the first call flushes this record too. Before that call, no
        # money is spent that a power cut could lose, and the caller waits for a handle.
        await self._store.write(write, durable=False)
        self._leases.hold(lease)
        return lease

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if not records:
            return
        try:
            await self._store.write(
                lambda connection: event_rows.add(connection, lease, records), grace=RECORD_SECONDS
            )
        finally:
            self._followers.wake(lease.run_id)

    @override
    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        records = await self._store.records.ask(
            lambda connection: event_rows.read(connection, run_id, after)
        )
        events = [record.event for record in records]
        lost = sum(max(1, event.count) for event in events if isinstance(event, RecordLost))
        if lost and run_id not in self._found_damaged:
            self._found_damaged.add(run_id)
            logger.warning("run %s: %d of its records cannot be read any more", run_id, lost)
        return records

    @override
    async def follow(self, run_id: str, *, after: int) -> AsyncGenerator[RunProgress]:
        def glance(connection: sqlite3.Connection) -> tuple[bool, int]:
            row = lease_rows.require(connection, run_id)
            return self._leases.is_held(run_id, row), event_rows.last_number(connection, run_id)

        with self._followers.following(run_id) as follower:
            driven = True
            while driven:
                # Asked before the records are read, so that those of a run that ends in between are
                # read as well.
                driven, last = await self._store.rows.ask(glance)
                records = await self.read(run_id, after=after) if last > after else ()
                if records:
                    after = records[-1].seq
                if records or not driven:
                    yield RunProgress(records, driven)
                if driven:
                    await self._followers.pause(follower)

    @override
    async def claim(self, run_id: str) -> Lease:
        return await self._leases.claim(run_id)

    @override
    async def renew(self) -> tuple[Lease, ...]:
        return await self._leases.renew()

    @override
    async def release(self, lease: Lease) -> None:
        try:
            await self._leases.release(lease)
        finally:
            self._followers.wake(lease.run_id)

    @override
    async def is_driven(self, run_id: str) -> bool:
        return await self._leases.is_driven(run_id)

    @override
    async def request_stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        await self._leases.request_stop(run_id, cause, grace=grace)

    @override
    async def request_lift(self, run_id: str) -> None:
        await self._leases.request_lift(run_id)

    @override
    async def take_requests(self) -> Mapping[str, LiveRequest]:
        return await self._leases.take_requests()

    @override
    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        reader = self._store.records if limit is None else self._store.rows
        runs = await reader.ask(
            lambda connection: run_rows.newest(connection, limit, self._leases.is_live)
        )
        given_back = self._leases.given_back
        return tuple(
            replace(run, driven=False) if run.run_id in given_back else run for run in runs
        )

    @override
    async def expired(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[ListedRun, ...]:
        return await self._store.records.ask(
            lambda connection: run_rows.expired(
                connection,
                idle_since=idle_since,
                size_bytes=size_bytes,
                now=self.clock(),
                is_live=self._leases.is_live,
            )
        )

    @override
    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        removed: list[str] = []
        for first in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[first : first + RUNS_AT_ONCE]
            began = anyio.current_time()
            removed += await self._store.write(
                lambda connection: run_rows.remove(connection, some, self._leases.is_held)  # noqa: B023
            )
            await _give_way(began)
        if removed:
            await self._search.forget(removed)
            await self._store.write(caller_rows.forget_unopened, durable=False)
        more = bool(removed)
        while more:
            began = anyio.current_time()
            more = await self._store.write(shrink, durable=False, alone=True)
            await _give_way(began)
        return tuple(removed)

    @override
    async def catch_up(
        self, *, seconds: float | None = None, progress: Progress | None = None
    ) -> int:
        return await self._search.catch_up(seconds=seconds, progress=progress)

    @override
    async def search(self, text: str, *, limit: int = 50, offset: int = 0) -> FoundRuns:
        return await self._search.search(text, limit=limit, offset=offset)

    @override
    async def statistics(self) -> Statistics:
        return await self._search.statistics()

    @override
    async def add_task(self, task: TaskEntry) -> None:
        await self._store.write(lambda connection: task_rows.add(connection, task))

    @override
    async def find_task(self, task_id: str) -> TaskEntry | None:
        return await self._store.rows.ask(lambda connection: task_rows.find(connection, task_id))

    @override
    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        # Not flushed: the records of its call come after it, and their flush puts both on disk.
        return await self._store.write(
            lambda found: spending_rows.reserve(found, run_id, day=day, usd=usd, cap=cap),
            durable=False,
        )

    @override
    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        await self._store.write(
            lambda found: spending_rows.release(found, run_id, day=day, usd=usd), durable=False
        )

    @override
    async def spending_of(self, run_id: str) -> Decimal | None:
        return await self._store.rows.ask(lambda found: spending_rows.committed_by(found, run_id))

    @override
    async def spending(self, day: str) -> Decimal | None:
        return await self._store.rows.ask(lambda found: spending_rows.committed(found, day))

    @override
    async def aclose(self) -> None:
        try:
            with last_act(f"closing {self._store.path}", CLOSE_SECONDS):
                try:
                    with anyio.move_on_after(CLOSE_SECONDS / 2) as giving_back:
                        await self._leases.release_all()
                    if giving_back.cancelled_caught:
                        raise JournalError("another program keeps the journal locked")
                except JournalError as error:
                    logger.warning("leases could not be given back: %s", error)
                await self._store.aclose()
        finally:
            if self._lock is not None:
                self._lock.release(as_dead=not self._leases.are_all_given_back)


def _forget_the_dead(store: Store, folder: Path, now: float) -> None:
    """Remove the locks of dead processes that hold no lease any more."""
    dead = dead_owners(folder)
    if dead:
        rows = store.rows.connection.execute(
            "SELECT DISTINCT owner FROM runs WHERE lease_until > ?", (now,)
        ).fetchall()
        for owner in set(dead) - {row[0] for row in rows}:
            forget(folder, owner)


async def _give_way(began: float) -> None:
    """Pause for as long as has passed since `began`, so that other processes can write."""
    await anyio.sleep(anyio.current_time() - began)
