"""The part of the SQLite journal that finds runs again: reads the changed ones, then answers.

Digests are made in slices, in the thread of the reader and of the writer, so that neither the event
loop nor another process waits for a whole journal. Damaged tables are thrown away once and made
anew; where that does not help, and where nothing can be written, titles are looked through.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import anyio
from typing_extensions import override

from atlas_mcp.atlas.digest import Digest, Texts, digest_of
from atlas_mcp.errors import AtlasError, JournalError, UnknownRun
from atlas_mcp.journal.search import FoundRuns, Progress, Search, Statistics
from atlas_mcp.journal.sqlite import columns, digest_rows, event_rows, run_rows, search_rows
from atlas_mcp.journal.sqlite.digest_rows import ReadRun, State
from atlas_mcp.journal.sqlite.leases import SqliteLeases
from atlas_mcp.journal.sqlite.store import Store
from atlas_mcp.journal.words import phrases_of

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.05
"""Seconds for which runs are read before others get their turn."""

READ_AT_ONCE = 200
"""Most runs of a slice."""

STORED_AT_ONCE = 20
"""Digests stored in one transaction, which takes some milliseconds."""

COMPARED_SECONDS = 600.0
"""Seconds after which all rows are compared again, a tenth of a second for 100,000 runs:
programs of other versions note no changes."""

_T = TypeVar("_T")


class _IndexDamaged(Exception):
    """Tables of digests are damaged."""


@dataclass(slots=True)
class SqliteSearch(Search):
    """Finding runs in open files.

    Args:
        store: The files.
        leases: Knows which runs are driven.
        can_index: Returns whether SQLite can keep an index of words.
    """

    store: Store
    leases: SqliteLeases
    can_index: Callable[[sqlite3.Connection], bool] = digest_rows.can_index
    _compared_at: float | None = field(init=False, default=None)
    _left: dict[str, None] = field(init=False, default_factory=dict[str, None])
    _made_anew: bool = field(init=False, default=False)
    # The statistics of the file's version for the reader's connection, which any commit changes.
    _added_up: tuple[int, Statistics] | None = field(init=False, default=None)
    # Keeps two searches from reading the same runs at once.
    _reading: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    @override
    async def catch_up(
        self, *, seconds: float | None = None, progress: Progress | None = None
    ) -> int:
        until = None if seconds is None else time.monotonic() + seconds
        if self.store.writer is None:
            return await self._read_only_left()
        try:
            self._reading.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(seconds) as waiting:
                await self._reading.acquire()
            if waiting.cancelled_caught:
                return len(self._left)
        try:
            while True:
                try:
                    return await self._catch_up(until, progress)
                except _IndexDamaged:
                    if not await self._made_again():
                        return len(self._left)
        except JournalError as error:
            # What is there can be searched all the same: on a full disk, or beside a long write.
            logger.warning("runs cannot be read for the index now: %s", error)
            return await self._read_only_left()
        finally:
            self._reading.release()

    @override
    async def search(self, text: str, *, limit: int = 50, offset: int = 0) -> FoundRuns:
        phrases = phrases_of(text)

        def answer(connection: sqlite3.Connection, state: State) -> FoundRuns:
            is_live = self.leases.is_live
            usable = state.there and not state.damaged
            is_plain = False
            if not text.strip():
                found = search_rows.newest(connection, limit, offset, is_live, digests=usable)
            elif not phrases:
                found = search_rows.Matches((), 0)
            elif usable and state.words and self.can_index(connection):
                found = search_rows.matching(connection, phrases, limit, offset, is_live)
            else:
                is_plain = True
                found = search_rows.scanned(
                    connection, phrases, limit, offset, is_live, digests=usable
                )
            return FoundRuns(text, limit, offset, found.runs, found.total, plain=is_plain)

        found = await self._asked(
            lambda connection: answer(connection, digest_rows.state_of(connection)),
            otherwise=lambda connection: answer(connection, State()),
        )
        given_back = self.leases.given_back
        runs = tuple(
            replace(one, run=replace(one.run, driven=False))
            if one.run.run_id in given_back
            else one
            for one in found.runs
        )
        return replace(found, runs=runs, unread=len(self._left))

    @override
    async def statistics(self) -> Statistics:
        def query(connection: sqlite3.Connection) -> Statistics | None:
            if not digest_rows.state_of(connection).there:
                return None
            [version] = connection.execute("PRAGMA data_version").fetchone()
            before = self._added_up
            if before is not None and before[0] == version:
                return replace(before[1], unread=len(self._left))
            found = search_rows.statistics(connection, len(self._left), self.leases.is_live)
            # Whether a run is still driven is no matter of the file alone.
            going = any(end.status == "running" for end in found.ends)
            self._added_up = None if going else (version, found)
            return found

        found = await self._asked(query)
        if found is None:
            raise JournalError(
                f"{self.store.path} has no statistics yet, and they cannot be made while it "
                "takes no writes; make it writable and ask again"
            )
        return found

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Remove what is kept of runs that were removed. If that fails, the next search does it."""
        try:
            if (await self._ask(digest_rows.state_of)).there:
                for first in range(0, len(run_ids), STORED_AT_ONCE):
                    began = anyio.current_time()
                    some = run_ids[first : first + STORED_AT_ONCE]
                    await self._keep([ReadRun(run_id, 0, 0.0, None) for run_id in some])
                    # Other processes can write meanwhile.
                    await anyio.sleep(anyio.current_time() - began)
        except (JournalError, _IndexDamaged) as error:
            logger.info("%s: digests of removed runs are left: %s", self.store.path, error)

    async def _asked(
        self,
        query: Callable[[sqlite3.Connection], _T],
        *,
        otherwise: Callable[[sqlite3.Connection], _T] | None = None,
    ) -> _T:
        """Run a query over digests; make them anew once if they turn out to be damaged.

        Args:
            query: The query.
            otherwise: One without digests, for where that does not help.
        """
        try:
            return await self._ask(query)
        except _IndexDamaged:
            await self._made_again()
        try:
            return await self._ask(query)
        except _IndexDamaged as error:
            if otherwise is not None:
                return await self.store.records.ask(otherwise)
            raise JournalError(
                f"{self.store.path}: what is kept for statistics is damaged and cannot be made "
                "anew now; the runs are whole, and `atlas-mcp runs list` lists them"
            ) from error

    async def _ask(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self.store.records.ask(lambda found: _or_damaged(lambda: query(found)))

    async def _made_again(self) -> bool:
        """Throw the tables of digests away and make them anew, once; return whether it was done."""
        if self._made_anew or self.store.writer is None:
            return False
        self._made_anew = True
        logger.warning("%s: the index of runs is damaged and is made anew", self.store.path)
        await self._make(anew=True)
        self._compared_at = None
        return True

    async def _catch_up(self, until: float | None, progress: Progress | None) -> int:
        """See `catch_up`.

        Raises:
            _IndexDamaged: Tables of digests are damaged.
        """
        state = await self._ask(digest_rows.state_of)
        if state.newer:
            return await self._read_only_left()
        if state.damaged:
            raise _IndexDamaged
        if not state.there:
            await self._make(anew=False)
        await self._look_for_changes(state)
        done, total = 0, len(self._left)
        while self._left and (until is None or time.monotonic() < until):
            if progress is not None and done:
                progress(done, total)
            wanted = list(islice(self._left, READ_AT_ONCE))
            read = await self._ask(lambda found: _read(found, wanted))  # noqa: B023
            for first in range(0, len(read), STORED_AT_ONCE):
                await self._keep(read[first : first + STORED_AT_ONCE])
            for run in read:
                self._left.pop(run.run_id, None)
            done += len(read)
        if progress is not None and done:
            progress(done, total)
        return len(self._left)

    async def _make(self, *, anew: bool) -> None:
        await self._write(
            lambda found: digest_rows.make(found, anew=anew, words=self.can_index(found))
        )

    async def _look_for_changes(self, state: State) -> None:
        """Add the runs to `_left` whose digests are out of date."""
        now = time.monotonic()
        last = self._compared_at
        if not state.there or last is None or now - last > COMPARED_SECONDS:
            if state.words and not await self._ask(digest_rows.finds_itself):
                raise _IndexDamaged
            self._left |= dict.fromkeys(await self._ask(digest_rows.stale))
            self._compared_at = now
        self._left |= dict.fromkeys(await self._ask(digest_rows.noted))

    async def _keep(self, runs: Sequence[ReadRun]) -> None:
        await self._write(lambda found: digest_rows.store(found, runs))

    async def _write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        """Make a change of digests, in a transaction without changes of others.

        Raises:
            _IndexDamaged: Their tables are damaged.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                change(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

        await self.store.write(
            lambda found: _or_damaged(lambda: write(found)), durable=False, alone=True
        )

    async def _read_only_left(self) -> int:
        """Return how many runs have no digest, where none can be made."""

        def every(connection: sqlite3.Connection) -> list[str]:
            return [columns.text(one) for (one,) in connection.execute("SELECT run_id FROM runs")]

        def query(connection: sqlite3.Connection) -> list[str]:
            there = digest_rows.state_of(connection).there
            return digest_rows.stale(connection) if there else every(connection)

        try:
            left = await self._ask(query)
        except _IndexDamaged:
            left = await self.store.records.ask(every)
        self._left = dict.fromkeys(left)
        return len(self._left)


def _or_damaged(work: Callable[[], _T]) -> _T:
    """Return the result of some work on digests.

    Raises:
        _IndexDamaged: Their tables are damaged.
    """
    try:
        return work()
    except sqlite3.Error as error:
        if digest_rows.is_damage(error):
            raise _IndexDamaged from error
        raise


def _read(connection: sqlite3.Connection, run_ids: Sequence[str]) -> list[ReadRun]:
    """Return the first of some runs, read for as long as a slice lasts; at least one."""
    until = time.monotonic() + SLICE_SECONDS
    read: list[ReadRun] = []
    for run_id in run_ids:
        row = connection.execute(
            "SELECT size_bytes, updated_at FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
        digest = None if row is None else _digest(connection, run_id)
        size_bytes, updated_at = row or (0, 0.0)
        read.append(ReadRun(run_id, size_bytes, updated_at, digest))
        if time.monotonic() >= until:
            break
    return read


def _digest(connection: sqlite3.Connection, run_id: str) -> Digest | None:
    """Return the digest of a run; one of its row alone where its records cannot be read."""
    try:
        return digest_of(run_id, event_rows.read(connection, run_id, 0))
    except UnknownRun:
        return None
    except (AtlasError, LookupError, ValueError, ArithmeticError) as error:
        logger.info("run %s is found by its title alone: %s", run_id, error)
    summary = run_rows.summary_of(connection, run_id)
    if summary is None:
        return None
    texts = Texts(summary.title, "", "", f"{run_id} {summary.workflow}")
    return Digest(
        opened_at=summary.opened_at,
        ended_at=None,
        status=summary.status,
        stop_reason=None,
        answered=False,
        workflow=summary.workflow,
        title=summary.title,
        explores=0,
        cost_usd=None,
        confidence=None,
        models=(),
        texts=texts,
    )
