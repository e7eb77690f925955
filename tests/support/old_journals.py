"""Homes as older versions of the package left them, or still use them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from atlas_mcp.journal.sqlite.process_locks import ProcessLock
from atlas_mcp.journal.sqlite.store import FILE_NAME

DATA = Path(__file__).parents[1] / "data"
OLD = {int(path.stem.rpartition("_v")[2]): path for path in DATA.glob("journal_v*.sql")}
"""A journal of each older version, as that version wrote it: 3 as it left one of version 2, and 4
as it left one of version 3."""

ENDED, BROKEN_OFF = "bk87bg9rursthe", "brokenoffrun22"
"""In each of them: a run that was answered, and one whose process died with a turn open."""

OLDER = "4711-0a1b2c3d"
"""The name in leases of a process of an older version."""


def old_home(folder: Path, version: int = max(OLD)) -> Path:
    """Return a home as `version` left it."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(OLD[version].read_text(encoding="utf-8"))
    connection.close()
    return folder


def lease_to_older(home: Path, *, seconds: float = 15.0) -> ProcessLock:
    """Lease the broken-off run of an old home to a process of an older version.

    That process lives until the returned lock is released `as_dead`.
    """
    connection = sqlite3.connect(home / FILE_NAME)
    with connection:
        connection.execute(
            "UPDATE runs SET owner = ?, fence = fence + 1, lease_until = ? WHERE run_id = ?",
            (OLDER, time.time() + seconds, BROKEN_OFF),
        )
    connection.close()
    return ProcessLock(home, OLDER)
