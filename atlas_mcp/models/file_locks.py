"""Locks on files beside the weights: one process pulls or removes, many use.

Where the file system knows no locks, everybody gets them.
"""

from __future__ import annotations

from contextlib import suppress

from atlas_mcp.system.locks import is_current, open_lock, share_lock, try_lock

__all__ = ["is_current", "open_lock", "share", "try_alone"]


def try_alone(descriptor: int) -> bool:
    """Take the lock if nobody holds it in any way."""
    try:
        return try_lock(descriptor)
    except OSError:
        return True


def share(descriptor: int) -> None:
    """Take the lock together with others, waiting for the process that has it alone."""
    with suppress(OSError):
        share_lock(descriptor)
