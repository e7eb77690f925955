"""Processes without a parent, which the first process of a container gets as its children.

They stay in the system's table when they have ended, until their parent asks for their exit code. A
process that `atlas_mcp.system.outliving` has started is one of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from atlas_mcp.system.processes import STARTED

PROCESSES = Path("/proc")
"""Where Linux has a folder for each process."""


def is_init() -> bool:
    """Return whether this is the first process of a system or container: it ends with this one."""
    return os.getpid() == 1


def reap() -> tuple[int, ...]:
    """Let go of the children that have ended and that this process did not start; never waits.

    Returns:
        Their numbers; none on another system than Linux.
    """
    found: list[int] = []
    if sys.platform == "linux" and _any_has_ended():
        for child in _ended_children():
            # Those that we started are asked for their exit codes where they were started.
            if child not in STARTED:
                with suppress(ChildProcessError):
                    found.append(os.waitpid(child, os.WNOHANG)[0])
    return tuple(child for child in found if child)


def _any_has_ended() -> bool:
    """Return whether a child has ended; it is not let go of."""
    if sys.platform != "linux":
        return False
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _ended_children() -> Iterator[int]:
    for stat in PROCESSES.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # The name of the program comes before, in brackets, and may hold any bytes.
            state, parent = stat.read_bytes().rpartition(b")")[2].split()[:2]
            if state == b"Z" and int(parent) == os.getpid():
                yield int(stat.parent.name)
