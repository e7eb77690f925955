"""Rows of the protocol's tasks."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from atlas_mcp.journal.base import TaskEntry
from atlas_mcp.journal.sqlite.opening import connect
from atlas_mcp.journal.sqlite.task_rows import add, find


def test_a_task_is_found_by_its_id_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "file", busy_timeout=1)
    task = TaskEntry("t", "r", 5.5)
    add(connection, task)

    assert find(connection, "t") == task
    assert find(connection, "r") is None
    connection.close()


def test_a_damaged_task_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    connection: sqlite3.Connection = connect(tmp_path / "file", busy_timeout=1)
    connection.execute("INSERT INTO tasks VALUES ('t', x'72ff', 'late')")

    assert find(connection, "t") == TaskEntry("t", "r\ufffd", 0.0)
    connection.close()
