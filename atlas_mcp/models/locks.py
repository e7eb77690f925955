"""Locks between processes, on files beside the weights: one pulls or removes, many use.

The kernel takes a lock away when its holder dies, however it dies. Where the file system knows no
locks, everybody gets them.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
"""What it is called when another holds the lock."""


def open_lock(file: Path) -> int:
    """Return a descriptor to lock `file` by; closing it gives the lock back."""
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def try_alone(descriptor: int) -> bool:
    """Take the lock if nobody holds it in any way."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in HELD
    return True


def share(descriptor: int) -> None:
    """Take the lock together with others, waiting for whoever has it alone.

    On Windows nothing is taken: a file that is in use cannot be removed there.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError as error:
            if error.errno in HELD:
                raise


def is_current(descriptor: int, file: Path) -> bool:
    """Return whether `file` is still what `descriptor` was opened on, and not removed since."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
