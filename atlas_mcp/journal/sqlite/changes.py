"""The changes that wait for one database, and the stage that each of them is in.

A change moves on under one lock: queued, taken, written, settled. A queued change can be withdrawn,
and is then never made. Of the threads that serve the queue one writes at a time, and one flushes;
this module hands out both roles. It makes no change itself and knows no database.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import anyio
from anyio.lowlevel import EventLoopToken

Stage = Literal["queued", "withdrawn", "taken", "written", "settled"]
"""`taken`: part of a transaction. `written`: committed, and not on disk yet. `settled`: its outcome
is final."""


@dataclass(slots=True, eq=False)
class Change:
    """One caller's change.

    Attributes:
        make: Makes the change, within a transaction.
        alone: Whether `make` opens transactions of its own instead.
        durable: Whether its caller waits until it is on disk.
        loop: The event loop of the caller.
        settled: Set on that loop once the outcome is final, or, for a hurried caller, once the
            change is written.
        stage: Its stage.
        single: Whether it gets a transaction of its own, since a shared one has failed.
        hurried: Whether its caller has been cancelled, and waits for no flush.
        result: The value that `make` returned.
        error: The error that refused it, or kept it from the disk.
    """

    make: Callable[[sqlite3.Connection], Any]
    alone: bool
    durable: bool
    loop: EventLoopToken
    settled: anyio.Event
    stage: Stage = "queued"
    single: bool = False
    hurried: bool = False
    result: Any = None
    error: Exception | None = None


class Written(NamedTuple):
    """The changes of a transaction that has ended, and the next duty of its thread.

    Attributes:
        settled: Changes whose outcome is final.
        hurried: Written changes whose callers wait for no flush.
        is_to_flush: Whether the thread that wrote is to flush now, since no other thread does.
    """

    settled: Sequence[Change]
    hurried: Sequence[Change]
    is_to_flush: bool


@dataclass(slots=True)
class Changes:
    """The queue of one database."""

    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _came_in: threading.Condition = field(init=False)
    _queue: deque[Change] = field(init=False, default_factory=deque[Change])
    _unflushed: list[Change] = field(init=False, default_factory=list[Change])
    _is_writing: bool = field(init=False, default=False)
    _is_flushing: bool = field(init=False, default=False)
    _is_closing: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._came_in = threading.Condition(self._lock)

    @property
    def is_empty(self) -> bool:
        """Whether no change is queued."""
        return not self._queue

    @property
    def is_closing(self) -> bool:
        """Whether the queue is closed."""
        return self._is_closing

    def add(self, change: Change) -> bool:
        """Queue a change, and return whether it was queued: a closed queue takes none."""
        with self._lock:
            if self._is_closing:
                return False
            self._queue.append(change)
            if not self._is_writing:
                self._came_in.notify()
            return True

    def close(self) -> None:
        """Take no further change. Threads that serve the queue end once it is empty."""
        with self._lock:
            self._is_closing = True
            self._came_in.notify_all()

    def withdraw(self, change: Change) -> bool:
        """Take a change back. If this returns true, it was still queued, and is never made."""
        with self._lock:
            if change.stage != "queued":
                return False
            self._queue.remove(change)
            change.stage = "withdrawn"
            return True

    def hurry(self, change: Change) -> bool:
        """Have a caller wait for no flush; return whether its change is still to be written."""
        with self._lock:
            change.hurried = True
            return change.stage == "taken"

    def wait_to_write(self) -> Sequence[Change]:
        """Return the queued changes, once this thread has the role of the writer.

        The role lasts until `end_writing`. Nothing is returned once the queue is closed and empty.
        """
        with self._lock:
            while self._is_writing or not self._queue:
                if self._is_closing and not self._queue:
                    return ()
                self._came_in.wait()
            self._is_writing = True
            return list(self._queue)

    def take(self) -> Sequence[Change]:
        """Take the changes for the transaction that has begun."""
        with self._lock:
            batch: list[Change] = []
            while self._queue and not self._queue[0].alone:
                if batch and (batch[0].single or self._queue[0].single):
                    break
                batch.append(self._queue.popleft())
                batch[-1].stage = "taken"
            return batch

    def take_these(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Take those of some changes that are still queued, out of turn, and return them."""
        with self._lock:
            taken = [change for change in changes if change.stage == "queued"]
            for change in taken:
                self._queue.remove(change)
                change.stage = "taken"
            return taken

    def queue_again(self, batch: Sequence[Change]) -> Sequence[Change]:
        """Queue changes again, each for a transaction of its own: their shared one has failed.

        Returns:
            The changes that are not queued: their callers have been cancelled, and wait for no
            other program.
        """
        with self._lock:
            again = [change for change in batch if not change.hurried]
            for change in reversed(again):
                change.stage, change.single, change.error = "queued", True, None
                self._queue.appendleft(change)
        return [change for change in batch if change.stage == "taken"]

    def end_writing(self, batch: Sequence[Change]) -> Written:
        """Give the role of the writer back after a transaction."""
        with self._lock:
            self._is_writing = False
            written = [change for change in batch if change.error is None and change.durable]
            for change in batch:
                change.stage = "settled"
            for change in written:
                change.stage = "written"
            self._unflushed += written
            is_to_flush = bool(self._unflushed) and not self._is_flushing
            if is_to_flush:
                self._is_flushing = True
            # Another thread goes on writing while this one flushes.
            if self._queue:
                self._came_in.notify()
        settled = [change for change in batch if change.stage == "settled"]
        return Written(settled, [change for change in written if change.hurried], is_to_flush)

    def take_written(self) -> Sequence[Change]:
        """Return the changes that a flush puts on disk now; where there are none, it ends."""
        with self._lock:
            batch, self._unflushed = self._unflushed, []
            self._is_flushing = bool(batch)
            return batch

    def settle(self, batch: Sequence[Change]) -> None:
        """Make the outcome of changes final."""
        with self._lock:
            for change in batch:
                change.stage = "settled"

    def outcome(self, change: Change) -> tuple[Stage, bool, Exception | None]:
        """Return the stage of a change, whether it is hurried, and its error."""
        with self._lock:
            return change.stage, change.hurried, change.error
