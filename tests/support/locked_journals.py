"""A journal that another program keeps locked."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from atlas_mcp.journal.sqlite.store import FILE_NAME


@contextmanager
def locked(home: Path) -> Generator[None]:
    """Keep everybody from writing to the journal of a home."""
    other = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()
