"""Changes that share a transaction: each is made or refused for itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from anyio import Event
from anyio.lowlevel import current_token

from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.sqlite.changes import Change, Changes
from atlas_mcp.journal.sqlite.opening import Place, connect, connect_to_read
from atlas_mcp.journal.sqlite.transactions import Transactions


def opened(path: Path) -> tuple[Changes, Transactions]:
    changes = Changes()
    connection = connect(path, busy_timeout=1)
    return changes, Transactions(connection, Place.of(path), changes, busy_timeout=0)


def queued(changes: Changes, make: Callable[[sqlite3.Connection], object]) -> Change:
    change = Change(make, False, True, current_token(), Event())
    changes.add(change)
    return change


def adding(task_id: str) -> Callable[[sqlite3.Connection], str]:
    def make(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO tasks VALUES (?, 'r', 1.0)", (task_id,))
        return task_id

    return make


def stored(path: Path) -> list[str]:
    connection = connect_to_read(path, busy_timeout=1)
    rows = connection.execute("SELECT task_id FROM tasks ORDER BY task_id").fetchall()
    connection.close()
    return [task_id for (task_id,) in rows]


async def test_a_change_that_fails_leaves_the_others_in_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "file"
    changes, transactions = opened(path)

    def refuse(connection: sqlite3.Connection) -> None:
        adding("half")(connection)
        raise JournalBusy("it is driven")

    batch = [
        queued(changes, adding("a")),
        queued(changes, refuse),
        queued(changes, adding("a")),
        queued(changes, adding("b")),
    ]

    assert transactions.make(changes.wait_to_write()) == batch
    assert transactions.count == 1
    assert stored(path) == ["a", "b"]
    assert [type(change.error) for change in batch] == [
        type(None),
        JournalBusy,
        JournalError,
        type(None),
    ]
    assert (batch[0].result, batch[3].result) == ("a", "b")
    transactions.connection.close()


async def test_changes_that_another_program_is_in_the_way_of_are_refused_together(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    changes, transactions = opened(path)
    transactions.connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    batch = [queued(changes, adding("a")), queued(changes, adding("b"))]

    assert transactions.make(changes.wait_to_write()) == batch
    assert all(isinstance(change.error, JournalError) for change in batch)
    assert changes.is_empty
    other.close()
    assert stored(path) == []
    transactions.connection.close()


async def test_nothing_is_made_where_all_changes_were_withdrawn(tmp_path: Path) -> None:
    path = tmp_path / "file"
    changes, transactions = opened(path)
    change = queued(changes, adding("a"))
    waiting = changes.wait_to_write()
    changes.withdraw(change)

    assert transactions.make(waiting) == []
    assert stored(path) == []
    transactions.connection.close()
