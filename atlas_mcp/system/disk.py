"""Putting names on disk, and files in the place of others."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

REPLACE_TRIES = 40
"""How often a file is put in the place of one that another process has open, on Windows."""

REPLACE_SECONDS = 0.025
"""Seconds between two tries: a reader of a small file has closed it by then."""

UNFLUSHABLE = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}
"""The numbers of the errors of file systems that flush no folder, or let none be opened."""


def flush_folder(folder: Path) -> None:
    """Put the names in a folder on disk, where folders can be flushed.

    Windows opens no folder as a file, and enters names in its file system's own log.

    Raises:
        OSError: The disk does not take it.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in UNFLUSHABLE:
            raise


def is_read_only(path: Path) -> bool:
    """Return whether a file is on a file system that takes no writes from anybody here.

    Windows does not tell.
    """
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def replace(source: Path, target: Path) -> None:
    """Put a finished file in the place of another, so that a power cut leaves one of the two whole.

    On Windows a file that somebody has open cannot be replaced: that is waited for, a second long.

    Raises:
        OSError: It cannot be done, or `target` stays open.
    """
    # Opened to write: Windows flushes nothing else.
    descriptor = os.open(source, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for tries_left in reversed(range(REPLACE_TRIES)):
        try:
            source.replace(target)
            break
        except PermissionError:
            if not waits_for_readers() or not tries_left:
                raise
            time.sleep(REPLACE_SECONDS)
    flush_folder(target.parent)


def waits_for_readers() -> bool:
    """Return whether a file that somebody reads cannot be replaced on this system."""
    return sys.platform == "win32"
