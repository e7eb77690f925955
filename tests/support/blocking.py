"""Errors for calls that block the event loop, but for those that may."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module

from blockbuster import BlockBuster

NOT_WATCHED = ("threading.Lock.acquire", "threading.Lock.acquire_lock")
"""Our locks guard a few lines of memory each, and are held during no I/O."""

ALLOWED: dict[str, set[str]] = {
    # A process reads its configuration once, before it serves.
    "atlas_mcp/config/file.py": {"find"},
    "atlas_mcp/config/loading.py": {"read_settings"},
    # Tests open a journal where they stand; a service opens its own in a thread.
    "atlas_mcp/journal/sqlite/journal.py": {"__post_init__"},
    "atlas_mcp/journal/sqlite/process_locks.py": {"_remove"},
    # The loop of a command serves nothing else, and waits for the reader of its output.
    "atlas_mcp/cli/terminal.py": {"draw_data", "write_data"},
    # A file of some lines, looked at where a model is named.
    "atlas_mcp/models/findings.py": {"_read"},
    # Whether a named file is there, asked where a run is planned.
    "atlas_mcp/models/embedded/names.py": {"_file", "_locate"},
    "atlas_mcp/models/embedded/vendor.py": {"spec"},
    # The kernel answers from memory.
    "atlas_mcp/system/memory.py": {"_group_limit", "resident_bytes"},
}
"""Functions below which a call may block, by the end of their file's path."""


@contextmanager
def blocking_refused() -> Generator[None]:
    """Raise `BlockingError` where our package blocks asyncio's event loop.

    The HTTP library imports a part of itself at its first client, which is done before.
    """
    import_module("httpcore2")
    buster = BlockBuster(scanned_modules=["atlas_mcp"], excluded_modules=["atlas_mcp.testing"])
    for name in NOT_WATCHED:
        buster.functions.pop(name, None)
    for function in buster.functions.values():
        for path, names in ALLOWED.items():
            function.can_block_in(path, names)
    buster.activate()
    try:
        yield
    finally:
        buster.deactivate()
