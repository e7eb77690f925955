"""Processes that are dead for certain, so that their leases need not run out first.

Each process that opens the journal keeps a lock on a file of its own, which the kernel removes
when the process dies, however it dies. A lock that another process can take proves its owner dead.
A lock that it cannot take proves nothing, since a frozen process keeps it: then the lease decides.

An owner takes its lock before it takes any lease, so nothing depends on it while its file is still
unlocked. Another process may take the file for a dead owner's in that moment and remove it: the
owner notices, and makes its file anew.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

from atlas_mcp.system.locks import is_current, open_lock, try_lock

FOLDER = "processes"
"""The folder of the files, in `ATLAS_HOME`."""

TRIES = 100
"""Tries of a process for its own lock while others are testing it."""

TRY_SECONDS = 0.01
"""Seconds between two tries."""

_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
"""Names of processes in leases. Any other owner is damage, and no path is made of it."""

_ours: set[Path] = set()
"""The files that this process holds locked. They are not tried again: some systems would grant the
lock a second time, and drop it when the second descriptor is closed."""


class ProcessLock:
    """A lock that shows, as long as it is held, that this process lives.

    Args:
        home: `ATLAS_HOME`.
        owner: The name of this process in leases.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, home: Path, owner: str) -> None:
        folder = home / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / owner
        self._descriptor = _locked(self._path)
        if self._descriptor is not None:
            _ours.add(self._path)

    @property
    def is_held(self) -> bool:
        """Whether it is held: false also where the file system knows no locks."""
        return self._descriptor is not None

    def release(self, *, as_dead: bool = False) -> None:
        """Give the lock back and remove its file.

        Args:
            as_dead: Leave the file, which shows that leases still held have no living owner.
        """
        if self._descriptor is None:
            return
        _ours.discard(self._path)
        os.close(self._descriptor)
        self._descriptor = None
        if not as_dead:
            _remove(self._path)


def is_dead(home: Path, owner: str) -> bool:
    """Return whether `owner` has died for certain; without its file nothing is certain.

    An owner whose name is no process's name counts as dead.
    """
    return _lives(home, owner) is False


def is_alive(home: Path, owner: str) -> bool:
    """Return whether `owner` lives for certain; without its file nothing is certain."""
    return _lives(home, owner) is True


def has_ended(home: Path, owner: str) -> bool:
    """Return whether `owner` has died, or has no file: one that ends in order removes its file.

    Where the file system knows no locks, nobody has a file, and this proves nothing.
    """
    lives = _lives(home, owner)
    if lives is not None:
        return not lives
    try:
        (home / FOLDER / owner).stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _lives(home: Path, owner: str) -> bool | None:
    if not _NAME.fullmatch(owner):
        return False
    path = home / FOLDER / owner
    if path in _ours:
        return True
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        # Shared, so that two processes that test at once do not take each other for the owner.
        return not try_lock(descriptor, shared=True)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def dead_owners(home: Path) -> list[str]:
    """Return the owners that have died and whose files are still there."""
    try:
        names = [path.name for path in (home / FOLDER).iterdir()]
    except OSError:
        return []
    return [name for name in names if is_dead(home, name)]


def forget(home: Path, owner: str) -> None:
    """Remove the file of a dead owner that holds no lease any more."""
    if not _NAME.fullmatch(owner):
        return
    path = home / FOLDER / owner
    with contextlib.suppress(OSError):
        if path not in _ours and _remove_locked(path):
            # Such a system removes no open file: it kept this file, and keeps a new owner's file.
            path.unlink()


def _remove_locked(path: Path) -> bool:
    """Remove a file, unless an owner that is just starting holds it.

    Returns:
        Whether the file stayed because it was open here.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        if try_lock(descriptor):
            path.unlink()
    except PermissionError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path) -> int | None:
    """Return a locked descriptor of a file; `None`, and no file, where there are no locks."""
    for _ in range(TRIES):
        descriptor = open_lock(path)
        try:
            taken = try_lock(descriptor)
        except OSError:
            os.close(descriptor)
            break
        if taken and is_current(descriptor, path):
            return descriptor
        os.close(descriptor)
        time.sleep(TRY_SECONDS)
    # Without a lock, the time of the lease decides alone.
    _remove(path)
    return None


def _remove(path: Path) -> None:
    """Remove a file; it stays for now if it is open and the system removes no open files."""
    with contextlib.suppress(OSError):
        path.unlink()
