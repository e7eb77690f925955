"""Opening a file to read it without waiting for it, and without following a link out of a folder.

POSIX opens a path step by step, each step from the folder before it. Windows cannot: there the
opened file is asked where it is. And there a name can mean more than a file of a folder: a device,
another stream of a file, a folder of a drive, a share of another machine.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
import sys
import time
from collections.abc import Sequence
from urllib.parse import unquote

READING = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    # A pipe without a writer would be waited for.
    | getattr(os, "O_NONBLOCK", 0)
)

_STEP: int = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)

_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")

_NO_NAME_HAS = re.compile(r'[<>"|?*\x00-\x1f]')

WRITER_SECONDS = 10.0
"""Seconds that a pipe which is a file of a folder gets for a writer: a shell has started it
already. Our own choice."""

WRITER_RETRY_SECONDS = 0.02
"""Seconds between two looks at whether it has one."""

_PIPE_BYTES = 65_536
"""Bytes that a pipe holds, on most systems."""

_FINAL_PATH_CHARS = 32_768
"""The longest path of Windows, characters."""


def path_of_url(path: str) -> str:
    """Return the path that the path of a `file:` URL means on this system."""
    name = unquote(path)
    if sys.platform == "win32" and re.match(r"/[A-Za-z]:", name):
        return name[1:]
    return name


def fault_in_name(path: str) -> str | None:
    """Return why a path is no plain name of a file on this system; `None` if it is one.

    On POSIX every name is.
    """
    return fault_in_windows_name(path) if sys.platform == "win32" else None


def fault_in_windows_name(path: str) -> str | None:
    """Return why a path is no plain name of a file on Windows; `None` if it is one.

    Windows gives some names a meaning of their own, whatever folder they are in.
    """
    if path[:2] in ("\\\\", "//", "\\/", "/\\"):
        return "is a share of a network or a device"
    plain = path[2:] if _DRIVE.match(path) else path
    for part in re.split(r"[\\/]", plain):
        if part in ("", ".", ".."):
            continue
        if ":" in part:
            return "has a `:`, which names a drive or another stream of a file"
        if _NO_NAME_HAS.search(part):
            return "has a character that no file's name has"
        if part != part.rstrip(". "):
            return "has a part that ends in a dot or a space"
        if part.partition(".")[0].rstrip(" ").lower() in _DEVICES:
            return f"names the device {part!r}"
    return None


def read_file_or_pipe(path: str, at_most: int) -> bytes:
    """Return the content of a regular file, or of a pipe until its writer closes it.

    A shell makes a pipe of `<(…)`, and `/dev/stdin` may lead to one.

    Args:
        path: The file.
        at_most: Bytes that are read.

    Raises:
        OSError: It cannot be opened, is a device, or a pipe that nothing writes to.
    """
    facts = os.stat(path)  # noqa: PTH116 - beside `os.open`
    if sys.platform == "win32" or not stat.S_ISFIFO(facts.st_mode):
        _require_regular(facts)
        with os.fdopen(os.open(path, READING), "rb") as file:
            return file.read(at_most)
    with os.fdopen(os.open(path, READING), "rb") as pipe:
        first = _first_of(pipe.fileno(), path, min(at_most, _PIPE_BYTES))
        os.set_blocking(pipe.fileno(), True)
        return first + pipe.read(at_most - len(first))


def _first_of(descriptor: int, path: str, at_most: int) -> bytes:
    """Return what a pipe holds by now, nothing where its writer has yet to write or has ended.

    One that is a file of a folder may have no writer yet: that is waited for, but not for ever.
    """
    until = time.monotonic() + WRITER_SECONDS
    while True:
        try:
            found = os.read(descriptor, at_most)
        except BlockingIOError:
            return b""
        if found or not _is_in_folder(path):
            return found
        if time.monotonic() > until:
            raise OSError(errno.EINVAL, "it is a pipe that nothing writes to")
        time.sleep(WRITER_RETRY_SECONDS)


def _is_in_folder(pipe: str) -> bool:
    """Return whether a pipe is a file of a folder, and not only one that is open."""
    real = os.path.realpath(pipe)
    return not real.startswith("/dev/fd/") and os.path.lexists(real)


def open_regular(path: str) -> int:
    """Open a regular file to read it.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    _require_regular(os.stat(path))  # noqa: PTH116 - beside `os.open`
    return os.open(path, READING)


def open_beneath(root: str, parts: Sequence[str]) -> int:
    """Open a regular file beneath a folder to read it, following no link.

    The path was a real one when it was looked at. A link that has taken the place of a part of it
    since then is not followed.

    Args:
        root: The folder, by its real path.
        parts: The steps from there, without links or dots.

    Raises:
        OSError: It cannot be opened, is no regular file, or is not where it was.
    """
    if not parts or os.open not in os.supports_dir_fd:
        return _open_in_place(os.path.join(root, *parts))  # noqa: PTH118 - as above
    folder = os.open(root, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | _STEP, dir_fd=folder)
            os.close(folder)
            folder = inner
        _require_regular(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False))
        return os.open(parts[-1], READING | getattr(os, "O_NOFOLLOW", 0), dir_fd=folder)
    finally:
        os.close(folder)


def _open_in_place(real: str) -> int:
    """Open a file where there are no steps to take, and make sure that it is where it was."""
    descriptor = open_regular(real)
    try:
        if not _is_at(descriptor, real):
            raise OSError(errno.EACCES, "it was changed while it was read", real)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_at(descriptor: int, real: str) -> bool:
    """Return whether an open file is at a path that has no links in it."""
    final = _final_path(descriptor)
    if final is not None:
        return os.path.normcase(final) == os.path.normcase(real)
    # Still a real path, and the file that is there is the one that was opened.
    there = os.lstat(real)
    return os.path.realpath(real) == real and os.path.samestat(os.fstat(descriptor), there)


def _final_path(descriptor: int) -> str | None:
    """Return where Windows says that an open file is; `None` where that cannot be asked."""
    if sys.platform == "win32":
        import msvcrt

        try:
            kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        except AttributeError:
            return None
        ask = kernel.GetFinalPathNameByHandleW
        ask.argtypes = [ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_uint32, ctypes.c_uint32]
        buffer = ctypes.create_unicode_buffer(_FINAL_PATH_CHARS)
        if not ask(msvcrt.get_osfhandle(descriptor), buffer, _FINAL_PATH_CHARS, 0):
            return None
        share, plain = "\\\\?\\UNC\\", "\\\\?\\"
        if buffer.value.startswith(share):
            return "\\\\" + buffer.value[len(share) :]
        return buffer.value.removeprefix(plain)
    return None


def _require_regular(facts: os.stat_result) -> None:
    """Refuse names that are better not opened at all: devices act on it, pipes wait."""
    if not stat.S_ISREG(facts.st_mode):
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        raise OSError(errno.EINVAL, "it is no regular file")
