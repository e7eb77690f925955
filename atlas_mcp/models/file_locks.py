"""Locks on files beside the weights: one process pulls or removes them, many use them.

On a file system without locks, every attempt to lock succeeds.
"""

from __future__ import annotations

from contextlib import suppress

from atlas_mcp.system.locks import is_current, open_lock, share_lock, try_lock

__all__ = ["is_current", "open_lock", "share", "try_alone"]


def try_alone(descriptor: int) -> bool:
    """Take the lock for this process alone, if it is free; return whether that succeeded."""
    try:
        return try_lock(descriptor)
    except OSError:
        return True


def share(descriptor: int) -> None:
    """Take the lock together with others, after waiting for a process that holds it alone."""
    with suppress(OSError):
        share_lock(descriptor)
