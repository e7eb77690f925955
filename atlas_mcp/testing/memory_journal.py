"""A journal in memory: the second implementation of every part of the seam.

Owns the store that several journals of one process share, as processes share a file. It keeps
records as encoded lines like the real journal, so that it refuses values that could not be read
back. It is lost when the process ends, and other processes cannot see it.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from decimal import Decimal

import anyio
import anyio.lowlevel
from typing_extensions import override

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.digest import Digest
from atlas_mcp.atlas.events import Record, RecordLost, StopCause
from atlas_mcp.atlas.summary import RunSummary, summarize
from atlas_mcp.errors import JournalBusy, JournalCorrupt, JournalError, RunExists, UnknownRun
from atlas_mcp.journal.base import (
    Journal,
    Lease,
    ListedRun,
    LiveRequest,
    RunProgress,
    TaskEntry,
)
from atlas_mcp.journal.followers import Followers
from atlas_mcp.testing.memory_clients import ClientRows, JoinedRun, MemoryClients
from atlas_mcp.testing.memory_search import MemoryFinding, MemorySearch

LEASE_SECONDS = 15.0
"""Seconds without renewal after which a run counts as interrupted, as for the real journal."""


@dataclass(slots=True)
class StoredRun:
    """One run.

    Attributes:
        summary: Its line of the list.
        lines: Its records as they are stored: time and encoded event, from the first on.
        owner: The journal that holds its lease, `None` where it was given back.
        fence: The fence of the newest claim.
        lease_until: Unix seconds.
        wanted: The newest request of another process to its driver.
    """

    summary: RunSummary
    lines: list[tuple[float, str]]
    owner: str | None
    fence: int
    lease_until: float
    wanted: LiveRequest | None = None

    @property
    def size_bytes(self) -> int:
        """The space that its records take."""
        return sum(len(line.encode()) for _, line in self.lines)

    def ask(self, wanted: LiveRequest) -> None:
        """Take a request in place of an earlier one that no user made."""
        if self.wanted is None or self.wanted.cause != "user" or wanted.cause == "user":
            self.wanted = wanted


@dataclass(slots=True)
class MemoryStore:
    """The runs, tasks, amounts, clients and digests that some journals share."""

    runs: dict[str, StoredRun] = field(default_factory=dict[str, StoredRun])
    tasks: dict[str, TaskEntry] = field(default_factory=dict[str, TaskEntry])
    spending: dict[tuple[str, str], Decimal] = field(default_factory=dict[tuple[str, str], Decimal])
    clients: ClientRows = field(default_factory=ClientRows)
    digests: dict[str, Digest] = field(default_factory=dict[str, Digest])
    followers: Followers = field(default_factory=Followers)

    def run(self, run_id: str) -> StoredRun:
        """Return a run.

        Raises:
            UnknownRun: There is no such run.
        """
        found = self.runs.get(run_id)
        if found is None:
            raise UnknownRun(run_id)
        return found


@dataclass(slots=True)
class MemoryJournal(MemoryClients, MemoryFinding, Journal):
    """A `Journal` on a store in memory.

    Args:
        store: Shared by the journals that see the same runs.
        clock: Unix seconds, for leases.
        lease_seconds: Seconds without renewal after which a run counts as interrupted.
    """

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Callable[[], float] = time.time
    lease_seconds: float = LEASE_SECONDS
    _held: dict[str, Lease] = field(init=False, default_factory=dict[str, Lease])
    # Keeps the order of appends: an event loop may run tasks in any order.
    _in_turn: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    @override
    async def open_run(self, run_id: str, first: Record) -> Lease:
        await anyio.lowlevel.checkpoint()
        if run_id in self.store.runs:
            raise RunExists(run_id)
        summary, lines = summarize(None, [first]), _encoded(run_id, [first])
        until = self.clock() + self.lease_seconds
        self.store.runs[run_id] = StoredRun(summary, lines, self._owner, 1, until)
        return self._hold(Lease(run_id, 1))

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        async with self._in_turn:
            if not records:
                return
            run = self.store.run(lease.run_id)
            if run.fence != lease.fence:
                raise JournalBusy(f"run {lease.run_id!r} has been taken over")
            kept = run.lines
            if records[0].seq == len(kept) and _is_torn(kept[-1][1]):
                kept = kept[:-1]
            if [record.seq for record in records] != [
                *range(len(kept) + 1, len(kept) + 1 + len(records))
            ]:
                raise JournalError(
                    f"run {lease.run_id!r}: these records do not follow its last one"
                )
            run.lines = kept + _encoded(lease.run_id, records)
            run.summary = summarize(run.summary, records)
            self.store.followers.wake(lease.run_id)

    @override
    async def read(self, run_id: str, *, after: int = 0) -> tuple[Record, ...]:
        await anyio.lowlevel.checkpoint()
        lines = self.store.run(run_id).lines
        if len(lines) > 1 and _is_torn(lines[-1][1]):
            lines = lines[:-1]
        return tuple(_decoded(seq, *line) for seq, line in enumerate(lines, start=1) if seq > after)

    @override
    async def follow(self, run_id: str, *, after: int) -> AsyncGenerator[RunProgress]:
        with self.store.followers.following(run_id) as follower:
            driven = True
            while driven:
                driven = await self.is_driven(run_id)
                records = await self.read(run_id, after=after)
                if records:
                    after = records[-1].seq
                if records or not driven:
                    yield RunProgress(records, driven)
                if driven:
                    await self.store.followers.pause(follower)

    @override
    async def claim(self, run_id: str) -> Lease:
        await anyio.lowlevel.checkpoint()
        run = self.store.run(run_id)
        if self.is_driven_now(run):
            raise JournalBusy(f"run {run_id!r} is driven")
        run.owner, run.fence, run.wanted = self._owner, run.fence + 1, None
        run.lease_until = self.clock() + self.lease_seconds
        return self._hold(Lease(run_id, run.fence))

    @override
    async def renew(self) -> tuple[Lease, ...]:
        await anyio.lowlevel.checkpoint()
        lost = [lease for lease in self._held.values() if not self._is_ours(lease)]
        for lease in lost:
            del self._held[lease.run_id]
        for run_id in self._held:
            self.store.runs[run_id].lease_until = self.clock() + self.lease_seconds
        return tuple(lost)

    @override
    async def release(self, lease: Lease) -> None:
        await anyio.lowlevel.checkpoint()
        if self._held.get(lease.run_id) == lease:
            del self._held[lease.run_id]
        if self._is_ours(lease):
            self.store.runs[lease.run_id].owner = None
            self.store.followers.wake(lease.run_id)

    @override
    async def is_driven(self, run_id: str) -> bool:
        await anyio.lowlevel.checkpoint()
        return self.is_driven_now(self.store.run(run_id))

    @override
    async def request_stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        await anyio.lowlevel.checkpoint()
        self.store.run(run_id).ask(LiveRequest(cause, grace))

    @override
    async def request_lift(self, run_id: str) -> None:
        await anyio.lowlevel.checkpoint()
        self.store.run(run_id).ask(LiveRequest(None))

    @override
    async def take_requests(self) -> Mapping[str, LiveRequest]:
        await anyio.lowlevel.checkpoint()
        ours = [lease.run_id for lease in self._held.values() if self._is_ours(lease)]
        found: dict[str, LiveRequest] = {}
        for run_id in ours:
            run = self.store.runs[run_id]
            if run.wanted is not None:
                found[run_id], run.wanted = run.wanted, None
        return found

    @override
    async def list_runs(self, *, limit: int | None = 100) -> tuple[ListedRun, ...]:
        await anyio.lowlevel.checkpoint()
        runs = [self._listed(run_id) for run_id in self.store.runs]
        return tuple(sorted(runs, key=lambda run: -run.opened_at)[:limit])

    @override
    async def expired(
        self, *, idle_since: float | None, size_bytes: float | None
    ) -> tuple[ListedRun, ...]:
        runs = sorted(
            await self.list_runs(limit=None),
            key=lambda run: (not run.driven, -run.updated_at, run.run_id),
        )
        found: list[ListedRun] = []
        total = 0
        for run in runs:
            total += run.size_bytes
            is_idle = idle_since is not None and run.updated_at < idle_since
            if not run.driven and (is_idle or (size_bytes is not None and total > size_bytes)):
                found.append(run)
        return tuple(reversed(found))

    @override
    async def remove(self, runs: Sequence[ListedRun]) -> tuple[str, ...]:
        await anyio.lowlevel.checkpoint()
        gone = tuple(run.run_id for run in runs if _is_to_go(self, run))
        for run_id in gone:
            del self.store.runs[run_id]
        for task in [task for task in self.store.tasks.values() if task.run_id in gone]:
            del self.store.tasks[task.task_id]
        self.store.clients.remove_runs(gone)
        return gone

    @override
    async def add_task(self, task: TaskEntry) -> None:
        await anyio.lowlevel.checkpoint()
        self.store.tasks[task.task_id] = task

    @override
    async def find_task(self, task_id: str) -> TaskEntry | None:
        await anyio.lowlevel.checkpoint()
        return self.store.tasks.get(task_id)

    @override
    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        left = None if cap is None else max(Decimal(0), cap - await self.spending(day))
        if left is not None and usd > left:
            return left
        amounts = self.store.spending
        amounts[day, run_id] = amounts.get((day, run_id), Decimal(0)) + usd
        return None

    @override
    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        await anyio.lowlevel.checkpoint()
        for of_day, of_run in sorted(self.store.spending, reverse=True):
            if of_run == run_id and day in (None, of_day):
                part = min(usd, self.store.spending[of_day, run_id])
                self.store.spending[of_day, run_id] -= part
                usd -= part

    @override
    async def spending_of(self, run_id: str) -> Decimal:
        await anyio.lowlevel.checkpoint()
        amounts = self.store.spending.items()
        return sum((usd for (_, run), usd in amounts if run == run_id), Decimal(0))

    @override
    async def spending(self, day: str) -> Decimal:
        await anyio.lowlevel.checkpoint()
        return sum((usd for (one, _), usd in self.store.spending.items() if one == day), Decimal(0))

    @override
    async def aclose(self) -> None:
        for lease in tuple(self._held.values()):
            await self.release(lease)
        self._clients.living.discard(self._owner)

    @property
    @override
    def _search(self) -> MemorySearch:
        return MemorySearch(self, self, self.store.digests)

    @property
    @override
    def _clients(self) -> ClientRows:
        return self.store.clients

    @override
    def _now(self) -> float:
        return self.clock()

    @override
    def _run_to_join(self, run_id: str) -> JoinedRun | None:
        run = self.store.runs.get(run_id)
        if run is None:
            return None
        return JoinedRun(run.summary.status, run.summary.updated_at, self.is_driven_now(run))

    def _hold(self, lease: Lease) -> Lease:
        self._held[lease.run_id] = lease
        return lease

    def _is_ours(self, lease: Lease) -> bool:
        run = self.store.runs.get(lease.run_id)
        return run is not None and (run.owner, run.fence) == (self._owner, lease.fence)

    def is_driven_now(self, run: StoredRun) -> bool:
        """Return whether a journal that is open holds the lease of a run."""
        return run.owner is not None and run.lease_until > self.clock()

    def _listed(self, run_id: str) -> ListedRun:
        run = self.store.runs[run_id]
        return ListedRun(
            *astuple(run.summary),
            run_id=run_id,
            size_bytes=run.size_bytes,
            driven=self.is_driven_now(run),
            owner=run.owner,
        )


def _is_to_go(journal: MemoryJournal, listed: ListedRun) -> bool:
    run = journal.store.runs.get(listed.run_id)
    if run is None or run.summary.updated_at != listed.updated_at:
        return False
    return not journal.is_driven_now(run)


def _encoded(run_id: str, records: Sequence[Record]) -> list[tuple[float, str]]:
    try:
        return [(record.at, encode_event(record.event)) for record in records]
    except ValueError as error:
        raise JournalError(f"run {run_id!r}: its records cannot be stored: {error}") from error


def _decoded(seq: int, at: float, line: str) -> Record:
    try:
        return Record(seq, at, decode_event(line))
    except JournalCorrupt as error:
        return Record(seq, at, RecordLost(str(error)))


def _is_torn(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return True
    return False
