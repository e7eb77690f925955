"""Transactions on one database: many changes in each, and none lost through another's fault.

Changes are taken only once the database is locked for them, so that a taken change waits for no
other program. A change that fails leaves the others in its transaction in place; where the
transaction itself fails, each of them is queued again, to be tried alone. Used by one thread at a
time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.changes import Change, Changes
from atlas_mcp.journal.sqlite.faults import Fault, is_busy, journal_failure
from atlas_mcp.journal.sqlite.opening import Place

LOCK_STEP_SECONDS = 0.25
"""Seconds of one wait of SQLite for a lock, which cannot be interrupted. After each wait it is
checked whether any caller still wants the change."""


@dataclass(slots=True)
class Transactions:
    """Makes the changes of a queue.

    Args:
        connection: The database. From here on it is used by this object alone.
        place: The files that are open.
        changes: The queue.
        busy_timeout: Seconds to wait for another process's transaction.
    """

    connection: sqlite3.Connection
    place: Place
    changes: Changes
    busy_timeout: float
    count: int = 0
    """The number of transactions so far."""

    def __post_init__(self) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {LOCK_STEP_SECONDS * 1000:.0f}")

    def make(self, waiting: Sequence[Change]) -> Sequence[Change]:
        """Make and return the changes that fit one transaction; none if all were withdrawn.

        Args:
            waiting: The queue before the database is locked.
        """
        if waiting[0].alone:
            return self._make_alone(waiting[0])
        try:
            self.place.check_lengths(self.connection)
            if not self._with_patience("BEGIN IMMEDIATE", lambda: not self.changes.is_empty):
                return ()
        except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
            return self._refuse(waiting, error)
        batch = self.changes.take()
        try:
            for change in batch:
                self._make_one(change, is_alone=len(batch) == 1)
            self.place.check()
            # Without a write-ahead log, a commit waits for processes that read.
            self._with_patience("COMMIT", lambda: True)
            self.place.lengths.remember()
        except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
            self._roll_back()
            if len(batch) > 1 and isinstance(error, Fault) and not is_busy(error):
                batch = self.changes.queue_again(batch)
            for change in batch:
                change.error = self._failure(error)  # one each: they are raised in several tasks
            if len(batch) == 1 and not isinstance(error, Fault):
                batch[0].error = error
        else:
            self.count += 1
        return batch

    def _make_one(self, change: Change, *, is_alone: bool) -> None:
        """Make one change. If it fails, the others stay in place.

        Raises:
            Exception: It has failed, and the transaction holds no other.
        """
        connection = self.connection
        change.error = None
        if is_alone:
            # Undone with its transaction, so it needs no mark to go back to.
            change.result = change.make(connection)
            return
        connection.execute("SAVEPOINT one")
        try:
            change.result = change.make(connection)
        except Exception as error:
            # Some faults end the whole transaction, and so undo the other changes as well.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO one")
            is_fault = isinstance(error, Fault)
            change.error = journal_failure(self.place.path, error) if is_fault else error
        connection.execute("RELEASE one")

    def _make_alone(self, change: Change) -> Sequence[Change]:
        """Make a change that makes transactions of its own."""
        taken = self.changes.take_these([change])
        if taken:
            try:
                change.result = change.make(self.connection)
            except Exception as error:  # noqa: BLE001 - the caller's to judge; the thread goes on
                change.error = self._failure(error)
            else:
                self.count += 1
        return taken

    def _refuse(self, waiting: Sequence[Change], error: Exception) -> Sequence[Change]:
        """Refuse changes whose transaction could not begin, and return them.

        If another process had the file locked, all of them are refused, since all have waited; else
        the first alone is.
        """
        if not is_busy(error):
            waiting = [change for change in waiting if change.stage == "queued"][:1]
        refused = self.changes.take_these(waiting)
        for change in refused:
            change.error = self._failure(error)
        return refused

    def _with_patience(self, statement: str, is_wanted: Callable[[], bool]) -> bool:
        """Execute a statement once no other process has the lock; return whether it was wanted."""
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

    def _failure(self, error: Exception) -> Exception:
        """Return the error that a caller gets where its transaction failed."""
        if isinstance(error, Fault):
            return journal_failure(self.place.path, error)
        return type(error)(*error.args) if isinstance(error, JournalError) else error
