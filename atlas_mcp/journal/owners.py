"""Which processes are dead for certain, so that nobody waits for their leases to run out.

Each process that opens the journal keeps a lock on a file of its own, which the kernel takes away
when the process dies, however it dies. A lock that can be had proves its owner dead; one that
cannot proves nothing, since a frozen process keeps it: then the lease decides.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: the lease decides alone
    fcntl = None

FOLDER = "processes"
"""Where the files are, in `ATLAS_HOME`."""

UNLOCKED = "."
"""What the names of files begin with that nobody is to ask about."""


class OwnerLock:
    """A lock that says, as long as it is held, that this process lives.

    Args:
        home: `ATLAS_HOME`.
        owner: What leases call this process.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, home: Path, owner: str) -> None:
        folder = home / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / owner
        # Not under its name before it is locked: who looks meanwhile would think its owner dead.
        unlocked = folder / f"{UNLOCKED}{owner}"
        self._descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unlocked.rename(self._path)
        except OSError:
            # A file system without locks: without the file, the lease decides alone.
            unlocked.unlink(missing_ok=True)

    def release(self, *, as_dead: bool = False) -> None:
        """Give the lock back and remove its file.

        Args:
            as_dead: Leave the file, which tells that leases still held are nobody's.
        """
        os.close(self._descriptor)
        if not as_dead:
            self._path.unlink(missing_ok=True)


def is_dead(home: Path, owner: str) -> bool:
    """Return whether `owner` has died for certain; without its file nothing is certain."""
    if fcntl is None:
        return False
    path = home / FOLDER / owner
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared: two that ask at once must not take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def dead_owners(home: Path) -> list[str]:
    """Return the owners that have died and whose files are still there."""
    try:
        names = [path.name for path in (home / FOLDER).iterdir()]
    except OSError:
        return []
    return [name for name in names if not name.startswith(UNLOCKED) and is_dead(home, name)]


def forget(home: Path, owner: str) -> None:
    """Remove the file of a dead owner that holds no lease any more."""
    with contextlib.suppress(OSError):
        (home / FOLDER / owner).unlink()
