"""How many files and connections this process may have open."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

UNLIMITED = 1_000_000
"""Descriptors that are returned where the system names no limit."""

ENOUGH = 1_048_576
"""The most descriptors that are asked for: the default limit of Linux for one process."""


AT_ONCE = 8
"""Files that a piece of work has open at once, and has closed again once it has failed for want of
one more: twice those of one database, which are itself, its log, that one's index, its folder."""

NUMBERS = (errno.EMFILE, errno.ENFILE)
"""Numbers of the errors of the operating system that say so."""


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


def too_few_files(error: BaseException, *, unnamed: bool = False) -> str | None:
    """Return what to say of an error for want of a file that may be opened; `None` for another.

    Args:
        error: Any error.
        unnamed: Whether it may be one without saying so, as SQLite's are, and those of the loader
            of modules. It is then tried whether as many files can be opened as such work takes.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (unnamed or isinstance(error, ImportError)):
        number = None if _can_open(AT_ONCE) else errno.EMFILE
    if number not in NUMBERS:
        return None
    now = open_files()
    limit = "" if now is None else f" (now {now})"
    return (
        f"{os.strerror(number)}; raise the limit of open files{limit}, e.g. with "
        "`ulimit -n 4096`, and start again"
    )


def _can_open(files: int) -> bool:
    """Return whether this process can open so many further files at once."""
    opened: list[int] = []
    try:
        while len(opened) < files:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in NUMBERS
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True
