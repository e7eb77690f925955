"""The registry of stores: one line each.

Owns the names of stores. A new store is one folder beside `sqlite/` with an implementation of
`journal.base`, and one line here; `runs.opening` opens the default one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.read_only import open_to_read


class StoreOpeners(NamedTuple):
    """How a store is opened; each function takes the folder of a home, and blocks.

    Attributes:
        open: Opens it to read and write.
        open_to_read: Opens it where it is only looked at, also if it cannot be written.
    """

    open: Callable[[Path], Journal]
    open_to_read: Callable[[Path], Journal]


STORES: Mapping[str, StoreOpeners] = {
    "sqlite": StoreOpeners(SqliteJournal, open_to_read),
}
"""The stores, by name."""

DEFAULT_STORE = "sqlite"
"""The store of every home. It needs no server."""


def open_journal(home: Path, *, looks: bool, store: str = DEFAULT_STORE) -> Journal:
    """Open the journal of a home. Blocks.

    Args:
        home: The folder of the home.
        looks: Whether runs are only looked at, so that the journal need not take writes.
        store: The name of its store.

    Raises:
        JournalError: It cannot be opened.
    """
    chosen = STORES[store]
    return chosen.open_to_read(home) if looks else chosen.open(home)
