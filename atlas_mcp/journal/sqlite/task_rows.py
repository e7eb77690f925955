"""The rows of the protocol's tasks. They are removed together with their runs (`run_rows`)."""

from __future__ import annotations

import sqlite3

from atlas_mcp.journal.base import TaskEntry
from atlas_mcp.journal.sqlite import columns


def add(connection: sqlite3.Connection, task: TaskEntry) -> None:
    """Store a task."""
    connection.execute(
        "INSERT INTO tasks (task_id, run_id, created_at) VALUES (?,?,?)",
        (task.task_id, task.run_id, task.created_at),
    )


def find(connection: sqlite3.Connection, task_id: str) -> TaskEntry | None:
    """Return the task with this id, `None` if there is none."""
    row = connection.execute(
        "SELECT run_id, created_at FROM tasks WHERE task_id = ?", (task_id,)
    ).fetchone()
    if row is None:
        return None
    run_id, created_at = row
    return TaskEntry(task_id, columns.text(run_id), columns.seconds(created_at))
