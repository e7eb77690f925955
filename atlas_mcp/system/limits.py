"""How many files and connections this process may have open."""

from __future__ import annotations

import contextlib
import sys

UNLIMITED = 1_000_000
"""Descriptors that are returned where the system names no limit."""

ENOUGH = 1_048_576
"""The most descriptors that are asked for: what Linux grants one process unless told otherwise."""


def raise_open_files() -> int:
    """Raise the limit of open files as far as this user may; return the limit in force.

    macOS calls its hard limit infinite and refuses more than its kernel allows: there less is asked
    for, by halves, until it is granted. Windows has no such limit.
    """
    if sys.platform == "win32":
        return UNLIMITED
    try:
        import resource
    except ImportError:
        return UNLIMITED
    infinite = resource.RLIM_INFINITY
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == infinite:
        return UNLIMITED
    wanted = ENOUGH if hard == infinite else min(hard, ENOUGH)
    while wanted > soft:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
        wanted //= 2
    return soft


def open_files() -> int | None:
    """Return how many files this process may have open, `None` where there is no such limit."""
    if sys.platform == "win32":
        return None
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
