"""The one writer of a journal: threads of its own, which nobody's cancellation reaches.

Callers leave a change and wait to be told of it. One thread takes all changes that wait, and writes
them in one transaction; another one flushes what was written, once for all that was written since,
while the first goes on. Both belong to the journal, so that neither queues behind somebody else's
work, and a caller that is cancelled or late takes nobody's change along.

A change is in one of four stages, and moves on under a lock: queued, taken, written, settled. One
that is queued can be withdrawn, and is then not stored: that is what becomes of it where its caller
is cancelled. Changes are taken only once the database is locked for them, so that one that was
taken waits for no other program, and ends in what became of it: stored, or refused and not stored.
A change that fails leaves the others in its transaction in place; where the transaction itself
fails, each of them is queued again, to be tried alone.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import anyio
import anyio.from_thread
from anyio.lowlevel import EventLoopToken, current_token

from atlas_mcp.errors import JournalError, JournalUnflushed
from atlas_mcp.journal.sqlite.faults import Fault, is_busy, journal_failure
from atlas_mcp.journal.sqlite.opening import Place
from atlas_mcp.journal.sqlite.write_ahead_log import WriteAheadLog

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 15.0
"""Seconds a disk gets to answer, once a change was taken: longer than any wait for a lock."""

JOIN_SECONDS = 15.0
"""Seconds to wait for the threads when the journal is closed."""

LOCK_STEP_SECONDS = 0.25
"""Seconds for which SQLite waits for a lock by itself. Then it is seen whether anybody waits for
what the lock is for; SQLite cannot be interrupted in such a wait."""

_T = TypeVar("_T")

_Stage = Literal["queued", "withdrawn", "taken", "written", "settled"]


@dataclass(slots=True, eq=False)
class _Job:
    """One caller's change.

    Attributes:
        change: Makes it, within a transaction.
        alone: Whether it makes transactions of its own instead.
        durable: Whether the caller is told only once it is on disk.
        loop: The event loop of the caller.
        told: Set there once it is settled.
        stage: How far it is.
        single: Whether it gets a transaction of its own: one that it shared has failed.
        hurried: Whether the caller is told once it is written: it has been cancelled.
        result: What `change` returned.
        error: Why it was refused, or not put on disk.
    """

    change: Callable[[sqlite3.Connection], Any]
    alone: bool
    durable: bool
    loop: EventLoopToken
    told: anyio.Event
    stage: _Stage = "queued"
    single: bool = False
    hurried: bool = False
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Writer:
    """Writes changes to one database, in the order in which they come in.

    Args:
        connection: The database. From here on it is used by the writer alone.
        place: The files that are open.
        log: Its write-ahead log.
        patience: Seconds for which a change waits to be taken.
        busy_timeout: Seconds to wait for another process's transaction.
    """

    connection: sqlite3.Connection
    place: Place
    log: WriteAheadLog
    patience: float
    busy_timeout: float
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _came_in: threading.Condition = field(init=False)
    _was_written: threading.Condition = field(init=False)
    _queue: deque[_Job] = field(init=False, default_factory=deque[_Job])
    _unflushed: list[_Job] = field(init=False, default_factory=list[_Job])
    _threads: list[threading.Thread] = field(init=False, default_factory=list[threading.Thread])
    _transactions: int = field(init=False, default=0)
    _closing: bool = field(init=False, default=False)
    _no_more: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._came_in = threading.Condition(self._lock)
        self._was_written = threading.Condition(self._lock)
        self.connection.execute(f"PRAGMA busy_timeout = {LOCK_STEP_SECONDS * 1000:.0f}")

    async def write(
        self,
        change: Callable[[sqlite3.Connection], _T],
        *,
        durable: bool = True,
        alone: bool = False,
        grace: float = 0.0,
    ) -> _T:
        """Make a change and return what it returns.

        Where the caller is cancelled while it is queued, nothing of it is stored, and the
        cancellation goes on. From when it was taken the caller is told what became of it.

        Args:
            change: Makes it, within a transaction that it may share with others.
            durable: Whether to wait until it is on disk; other processes see it before.
            alone: Whether it makes transactions of its own instead. A caller that is cancelled
                leaves it to itself.
            grace: Seconds for which it stays queued although the caller has been cancelled.

        Raises:
            JournalUnflushed: It was stored, but may be lost if the machine loses its power.
            JournalError: It was refused, and nothing of it is stored.
        """
        job = _Job(change, alone, durable, current_token(), anyio.Event())
        self._leave(job)
        try:
            with anyio.move_on_after(self.patience):
                await job.told.wait()
            if not job.told.is_set() and not self._withdraw(job):
                with anyio.move_on_after(ANSWER_SECONDS):
                    await job.told.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(grace, shield=True):
                await job.told.wait()
            if not job.told.is_set():
                if self._withdraw(job) or alone:
                    raise
                if self._hurry(job):
                    with anyio.move_on_after(ANSWER_SECONDS, shield=True):
                        await job.told.wait()
        return self._outcome(job)

    def close(self) -> bool:
        """Write what is queued, end the threads, and return whether they have ended.

        Then the connection and the log are closed as well; a disk that does not answer keeps them.
        """
        with self._lock:
            self._closing = True
            threads = list(self._threads)
            self._came_in.notify()
            if not threads:
                self._no_more = True
        for thread in threads:
            thread.join(JOIN_SECONDS)
        if any(thread.is_alive() for thread in threads):
            return False
        self.log.close()
        self.connection.close()
        return True

    def _leave(self, job: _Job) -> None:
        with self._lock:
            if self._closing:
                raise JournalError(f"{self.place.path} is closed; open the journal again")
            self._start()
            self._queue.append(job)
            self._came_in.notify()

    def _start(self) -> None:
        """Start the threads if they do not run; they end with the journal, or with the process."""
        works = ((self._write_all, "writer"), (self._flush_all, "flusher"))
        for work, name in works[len(self._threads) :]:
            thread = threading.Thread(target=work, name=f"journal {name}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise JournalError(
                    f"{self.place.path} cannot be written: {error}; raise the limit of processes "
                    "and threads, e.g. with `ulimit -u`"
                ) from error
            self._threads.append(thread)

    def _withdraw(self, job: _Job) -> bool:
        """Take a change back, and return whether that was in time: then nothing of it is stored."""
        with self._lock:
            if job.stage != "queued":
                return False
            self._queue.remove(job)
            job.stage = "withdrawn"
            return True

    def _hurry(self, job: _Job) -> bool:
        """Have a caller told before a change is on disk; return whether it is yet to be written."""
        with self._lock:
            job.hurried = True
            return job.stage == "taken"

    def _outcome(self, job: _Job) -> Any:
        """Return what a change has returned.

        Raises:
            JournalError: What became of it instead.
        """
        # One that is queued again after its transaction failed is not to be tried any more.
        self._withdraw(job)
        with self._lock:
            stage, error, hurried = job.stage, job.error, job.hurried
        if stage == "withdrawn":
            raise JournalError(
                f"{self.place.path} took no write for {self.patience:.0f} s, and nothing was "
                "stored; end the program that keeps it locked, or try again when the machine "
                "is less busy"
            )
        if stage == "written" and hurried:
            raise self._unflushed_failure("was not on disk yet when nobody waited any more")
        if stage == "written":
            raise self._unflushed_failure(f"was not on disk within {ANSWER_SECONDS:.0f} s")
        if stage != "settled":
            raise JournalError(
                f"{self.place.path} has not said for {ANSWER_SECONDS:.0f} s whether it took a "
                "write; the disk does not answer: end atlas-mcp, and look at the run once it does"
            )
        if error is not None:
            raise error
        return job.result

    def _write_all(self) -> None:
        """Write what comes in until the journal is closed. The one thread that writes."""
        while waiting := self._wait():
            batch = self._write(waiting)
            written = [job for job in batch if job.error is None and job.durable]
            with self._lock:
                for job in written:
                    job.stage = "written"
                hurried = [job for job in written if job.hurried]
                self._unflushed += written
                self._was_written.notify()
            self._settle([job for job in batch if job.stage != "written"])
            _notify(hurried)
        with self._lock:
            self._no_more = True
            self._was_written.notify()

    def _wait(self) -> Sequence[_Job]:
        """Return what is queued, as soon as there is anything; nothing once all is written."""
        with self._lock:
            while not self._queue and not self._closing:
                self._came_in.wait()
            return list(self._queue)

    def _write(self, waiting: Sequence[_Job]) -> Sequence[_Job]:
        """Write what can be written together, and return it; none where all were withdrawn.

        Args:
            waiting: What is queued before the database is locked.
        """
        if waiting[0].alone:
            return self._write_alone(waiting[0])
        try:
            self.place.check_lengths(self.connection)
            if not self._begin():
                return ()
        except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
            return self._refuse(waiting, error)
        batch = self._take()
        try:
            for job in batch:
                self._change(job)
            self.place.check()
            self._commit()
            self.place.lengths.remember()
        except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
            self._roll_back()
            if len(batch) > 1 and isinstance(error, Fault) and not is_busy(error):
                batch = self._queue_again(batch)
            for job in batch:
                job.error = self._failure(error)  # one each: they are raised in several tasks
        else:
            self._transactions += 1
        return batch

    def _begin(self) -> bool:
        """Lock the database, and return whether it is: not where nobody waits for it any more."""
        return self._with_patience("BEGIN IMMEDIATE", lambda: bool(self._queue))

    def _commit(self) -> None:
        # Without a write-ahead log, those who read are waited for.
        self._with_patience("COMMIT", lambda: True)

    def _with_patience(self, statement: str, is_wanted: Callable[[], bool]) -> bool:
        """Execute a statement once no other process is in the way; return whether it was wanted."""
        until = time.monotonic() + self.busy_timeout
        while True:
            try:
                self.connection.execute(statement)
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() >= until:
                    raise
                if not is_wanted():
                    return False
            else:
                return True

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def _take(self) -> Sequence[_Job]:
        """Take what a transaction that has begun can make."""
        with self._lock:
            batch: list[_Job] = []
            while self._queue and not self._queue[0].alone:
                if batch and (batch[0].single or self._queue[0].single):
                    break
                batch.append(self._queue.popleft())
                batch[-1].stage = "taken"
            return batch

    def _queue_again(self, batch: Sequence[_Job]) -> Sequence[_Job]:
        """Have changes tried each alone, as the transaction that they shared has failed.

        Returns:
            Those that are not: their callers have been cancelled, and wait for no other program.
        """
        with self._lock:
            again = [job for job in batch if not job.hurried]
            for job in reversed(again):
                job.stage, job.single, job.error = "queued", True, None
                self._queue.appendleft(job)
        return [job for job in batch if job.stage == "taken"]

    def _refuse(self, waiting: Sequence[_Job], error: Exception) -> Sequence[_Job]:
        """Refuse what waited for a transaction that could not begin, and return it.

        Where another process was in the way, all of them have waited for it.
        """
        with self._lock:
            there = [job for job in waiting if job.stage == "queued"]
            if not is_busy(error):
                del there[1:]
            for job in there:
                self._queue.remove(job)
                job.stage = "taken"
        for job in there:
            job.error = self._failure(error)
        return there

    def _write_alone(self, job: _Job) -> Sequence[_Job]:
        """Make a change that makes transactions of its own."""
        with self._lock:
            if job.stage != "queued":
                return ()
            self._queue.remove(job)
            job.stage = "taken"
        try:
            job.result = job.change(self.connection)
        except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
            job.error = self._failure(error)
        else:
            self._transactions += 1
        return (job,)

    def _change(self, job: _Job) -> None:
        """Make one change. What is wrong with it leaves the others in place."""
        connection = self.connection
        job.error = None
        connection.execute("SAVEPOINT one")
        try:
            job.result = job.change(connection)
        except Exception as error:
            # Some faults end the whole transaction, in which the others then are no longer either.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO one")
            is_fault = isinstance(error, Fault)
            job.error = journal_failure(self.place.path, error) if is_fault else error
        connection.execute("RELEASE one")

    def _flush_all(self) -> None:
        """Flush what was written until nothing more is. The one thread that flushes."""
        while batch := self._take_written():
            try:
                self.log.flush()
            except Fault as error:
                cause = journal_failure(self.place.path, error)
                for job in batch:
                    job.error = self._unflushed_failure(f"cannot be put on disk: {cause}")
                    job.error.__cause__ = error
            self._settle(batch)
            self.log.keep_short(self._transactions)

    def _take_written(self) -> Sequence[_Job]:
        with self._lock:
            while not self._unflushed and not self._no_more:
                self._was_written.wait()
            batch, self._unflushed = self._unflushed, []
            return batch

    def _settle(self, batch: Sequence[_Job]) -> None:
        """Tell callers what became of their changes, each in its event loop."""
        with self._lock:
            for job in batch:
                job.stage = "settled"
        _notify(batch)

    def _failure(self, error: Exception) -> Exception:
        """Return the error that a caller gets where the transaction failed."""
        if isinstance(error, Fault):
            return journal_failure(self.place.path, error)
        return type(error)(*error.args) if isinstance(error, JournalError) else error

    def _unflushed_failure(self, what: str) -> JournalUnflushed:
        return JournalUnflushed(
            f"{self.place.path} {what}; it was stored, and is lost only if the machine itself fails"
        )


def _notify(jobs: Sequence[_Job]) -> None:
    """Have callers look at what became of their changes, each in its event loop."""
    waiting = list(jobs)
    while waiting:
        loop = waiting[0].loop
        here = [job for job in waiting if job.loop == loop]
        waiting = [job for job in waiting if job.loop != loop]
        with suppress(anyio.RunFinishedError, RuntimeError):
            # Where the loop is gone, nobody waits any more.
            anyio.from_thread.run_sync(_tell, here, token=loop)


def _tell(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.told.set()
