"""Locks between processes, on open files; the kernel takes them away when their holder dies.

A lock is held alone or shared. POSIX has both. Windows locks single bytes, and only alone: there a
sharer takes one of the first `SHARES` bytes, and an owner takes all of them at once.
"""

from __future__ import annotations

import errno
import os
import random
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
"""The numbers of the errors that say that another process holds the lock."""

SHARES = 64
"""How many can share a lock on Windows."""

WAIT_SECONDS = 0.05
"""Seconds between two tries to share a lock that another process holds alone."""


def open_lock(file: Path) -> int:
    """Return a descriptor to lock `file` by, creating the file; closing it gives the lock back."""
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file, and return whether it could be taken at once.

    Args:
        descriptor: The file, open for reading and writing.
        shared: Let others share it too.

    Raises:
        OSError: This file system knows no locks.
    """
    if sys.platform != "win32":
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except OSError as error:
            return _refused(error)
        return True
    if not shared:
        return _lock_bytes(descriptor, 0, SHARES)
    first = random.randrange(SHARES)
    return any(_lock_bytes(descriptor, (first + n) % SHARES, 1) for n in range(SHARES))


def share_lock(descriptor: int) -> None:
    """Take the lock of an open file together with others, once no process holds it alone.

    Raises:
        OSError: This file system knows no locks.
    """
    while not try_lock(descriptor, shared=True):
        time.sleep(WAIT_SECONDS)


def is_current(descriptor: int, file: Path) -> bool:
    """Return whether `file` is still what `descriptor` was opened on, and not removed since."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _lock_bytes(descriptor: int, first: int, count: int) -> bool:
    """Lock bytes of a file of Windows, which need not have them."""
    if sys.platform == "win32":
        os.lseek(descriptor, first, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, count)
        except OSError as error:
            return _refused(error)
    return True


def _refused(error: OSError) -> bool:
    """Return False for a lock that another process holds; raise anything else."""
    if error.errno in HELD:
        return False
    raise error
