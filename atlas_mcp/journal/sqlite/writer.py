"""The one writer of a journal: two threads of its own, which no caller's cancellation reaches.

Callers queue a change and wait for its outcome. A thread takes all changes that wait, writes them
in one transaction, and flushes the log; meanwhile the other thread goes on writing, and one flush
serves all changes written before it began. So an append passes through one thread on its way to the
disk, and no caller waits for other work in shared threads.

A cancelled caller withdraws its change while it is queued, and then nothing of it is stored. Once
it was taken, the caller learns its outcome: stored, or refused and not stored.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from atlas_mcp.errors import JournalError, JournalUnflushed
from atlas_mcp.journal.sqlite.changes import Change, Changes
from atlas_mcp.journal.sqlite.faults import Fault, journal_failure
from atlas_mcp.journal.sqlite.opening import Place
from atlas_mcp.journal.sqlite.transactions import Transactions
from atlas_mcp.journal.sqlite.write_ahead_log import WriteAheadLog

ANSWER_SECONDS = 15.0
"""Seconds the disk gets to answer once a change was taken: longer than any wait for a lock."""

JOIN_SECONDS = 15.0
"""Seconds to wait for the threads when the journal is closed."""

THREADS = 2
"""One writes while the other flushes."""

_T = TypeVar("_T")


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
    _changes: Changes = field(init=False, default_factory=Changes)
    _transactions: Transactions = field(init=False)
    _threads: list[threading.Thread] = field(init=False, default_factory=list[threading.Thread])

    def __post_init__(self) -> None:
        self._transactions = Transactions(
            self.connection, self.place, self._changes, self.busy_timeout
        )

    async def write(
        self,
        make: Callable[[sqlite3.Connection], _T],
        *,
        durable: bool = True,
        alone: bool = False,
        grace: float = 0.0,
    ) -> _T:
        """Make a change and return the value that it returns.

        If the caller is cancelled while the change is queued, nothing of it is stored, and the
        cancellation is raised. Once the change was taken, the caller learns its outcome.

        Args:
            make: Makes the change, within a transaction that it may share with others.
            durable: Whether to wait until the change is on disk; other processes see it before.
            alone: Whether `make` opens transactions of its own instead. A cancelled caller does not
                wait for them.
            grace: Seconds for which the change stays queued after the caller was cancelled.

        Raises:
            JournalUnflushed: The change is stored, but may be lost in a power cut.
            JournalError: The change was refused, and nothing of it is stored.
        """
        change = Change(make, alone, durable, current_token(), anyio.Event())
        self._start()
        if not self._changes.add(change):
            raise self._closed()
        try:
            with anyio.move_on_after(self.patience):
                await change.settled.wait()
            if not change.settled.is_set() and not self._changes.withdraw(change):
                with anyio.move_on_after(ANSWER_SECONDS):
                    await change.settled.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(grace, shield=True):
                await change.settled.wait()
            if not change.settled.is_set():
                if self._changes.withdraw(change) or alone:
                    raise
                if self._changes.hurry(change):
                    with anyio.move_on_after(ANSWER_SECONDS, shield=True):
                        await change.settled.wait()
        return self._outcome(change)

    def close(self) -> bool:
        """Write the queued changes, end the threads, and return whether they have ended.

        If they have, the connection and the log are closed as well; otherwise, as on a disk that
        does not answer, both stay open.
        """
        self._changes.close()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        if any(thread.is_alive() for thread in self._threads):
            return False
        self.log.close()
        self.connection.close()
        return True

    def _start(self) -> None:
        """Start the threads if they are not running; they end with the journal or the process."""
        if self._changes.is_closing:
            raise self._closed()
        for number in range(len(self._threads), THREADS):
            name = f"journal writer {number + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise JournalError(
                    f"{self.place.path} cannot be written: {error}; raise the limit of processes "
                    "and threads, e.g. with `ulimit -u`"
                ) from error
            self._threads.append(thread)

    def _outcome(self, change: Change) -> Any:
        """Return the value that a change has returned.

        Raises:
            JournalError: The change was not made, or may not be on disk.
        """
        # A change that was queued again after its transaction failed is not tried any more.
        self._changes.withdraw(change)
        stage, hurried, error = self._changes.outcome(change)
        if stage == "withdrawn":
            raise JournalError(
                f"{self.place.path} took no write for {self.patience:.0f} s, and nothing was "
                "stored; end the program that keeps it locked, or try again when the machine "
                "is less busy"
            )
        if stage == "written" and hurried:
            raise self._unflushed("was not on disk yet when its caller was cancelled")
        if stage == "written":
            raise self._unflushed(f"was not on disk within {ANSWER_SECONDS:.0f} s")
        if stage != "settled":
            raise JournalError(
                f"{self.place.path} has not said for {ANSWER_SECONDS:.0f} s whether it took a "
                "write; the disk does not answer: end atlas-mcp, and look at the run once it does"
            )
        if error is not None:
            raise error
        return change.result

    def _serve(self) -> None:
        """Write and flush until the journal is closed. Both threads do this."""
        while waiting := self._changes.wait_to_write():
            batch = self._transactions.make(waiting)
            written = self._changes.end_writing(batch)
            _wake([*written.settled, *written.hurried])
            if written.is_to_flush:
                self._flush()

    def _flush(self) -> None:
        """Flush written changes until none are left. One thread flushes at a time."""
        while batch := self._changes.take_written():
            try:
                self.log.flush()
            except Fault as error:
                cause = journal_failure(self.place.path, error)
                for change in batch:
                    change.error = self._unflushed(f"cannot be put on disk: {cause}")
                    change.error.__cause__ = error
            self._changes.settle(batch)
            _wake(batch)
            self.log.keep_short(self._transactions.count)

    def _closed(self) -> JournalError:
        return JournalError(f"{self.place.path} is closed; open the journal again")

    def _unflushed(self, how: str) -> JournalUnflushed:
        return JournalUnflushed(
            f"{self.place.path} {how}; it was stored, and is lost only if the machine itself fails"
        )


def _wake(changes: Sequence[Change]) -> None:
    """Wake the callers of changes, each event loop once, and wait for none of them."""
    waiting = list(changes)
    while waiting:
        loop = waiting[0].loop
        here = [change for change in waiting if change.loop == loop]
        waiting = [change for change in waiting if change.loop != loop]
        with suppress(RuntimeError):
            # If the loop is gone, its callers have stopped waiting.
            _call_soon(loop)(_set_settled, here)


def _call_soon(loop: EventLoopToken) -> Callable[..., object]:
    """Return a function with which any thread can make an event loop call another function.

    `anyio.from_thread` would wait until the loop has made the call, which a busy loop does late.
    """
    native: Any = loop.native_token
    is_asyncio = hasattr(native, "call_soon_threadsafe")
    return native.call_soon_threadsafe if is_asyncio else native.run_sync_soon


def _set_settled(changes: Sequence[Change]) -> None:
    for change in changes:
        change.settled.set()
