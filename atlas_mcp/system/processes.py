"""Child processes: apart from our terminal, ended with us, ended with all that they started.

On Windows a job object does it, whose processes the kernel ends when the last handle to it is
closed, and ours is closed by our death, however we die. Elsewhere a child is in a process group of
its own, and ends by itself when its stdin does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Protocol

from atlas_mcp.system.jobs import open_job

CREATION_FLAGS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(
    subprocess, "CREATE_NO_WINDOW", 0
)
"""What a child is started with besides `start_new_session=True`: a Ctrl-C is ours to handle, and a
program that has no console shows none for its children. Both are ignored where they mean nothing.
"""

STARTED: set[int] = set()
"""The children that this process has started and has not yet forgotten, by their numbers. All other
children were left to it, as the first process of a container: see `atlas_mcp.system.orphans`."""


class _Child(Protocol):
    """The part of a process that is needed here."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    def terminate(self) -> None: ...


class Tree:
    """A child, started in a group of its own, with all that it starts.

    Args:
        child: It has just been started, with `start_new_session` and `CREATION_FLAGS`.
        memory_bytes: Bytes of memory that each of its processes may have on Windows; elsewhere a
            child bounds itself. `None` for no bound.
    """

    def __init__(self, child: _Child, *, memory_bytes: int | None = None) -> None:
        self._child = child
        STARTED.add(child.pid)
        self._job = open_job(child.pid, memory_bytes=memory_bytes)

    def kill(self) -> None:
        """End all of it at once."""
        if self._job is not None:
            self._job.terminate()
        elif sys.platform == "win32":
            kill(self._child)
        else:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        """Forget a child that has ended. On Windows that also ends what it has left behind."""
        STARTED.discard(self._child.pid)
        if self._job is not None:
            self._job.close()
            self._job = None


def kill(child: _Child) -> None:
    """End a child at once, without its doing anything about it."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            # There the two are the same: TerminateProcess.
            child.terminate()
        else:
            child.kill()


def processors() -> int:
    """Return how many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return (os.cpu_count() or 1) if allowed is None else len(allowed(0))
