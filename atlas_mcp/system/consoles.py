"""The standard streams of this process, and the keys that people press at a console."""

from __future__ import annotations

import contextlib
import os
import sys

STANDARD_INPUT = 2**32 - 10
"""The number of the first of the three standard streams on Windows; the others are below it."""

END_OF_INPUT = "Ctrl-Z" if sys.platform == "win32" else "Ctrl-D"
"""The keys that end what is typed at a terminal, on a line of their own."""


def taken_away(descriptor: int, *, instead: int | None = None) -> int:
    """Return a private copy of a standard stream, whose own place another one takes.

    Args:
        descriptor: 0, 1 or 2.
        instead: The one that takes its place; `None` for an empty one.
    """
    private = os.dup(descriptor)
    other = os.open(os.devnull, os.O_RDWR) if instead is None else instead
    # A place is never closed before it is filled: children are started with these numbers.
    os.dup2(other, descriptor)
    if instead is None:
        os.close(other)
    hand_on(descriptor)
    return private


def hand_on(descriptor: int) -> None:
    """Let children inherit a standard stream whose place another file has taken.

    Windows keeps a list of its own of them.

    Args:
        descriptor: 0, 1 or 2.
    """
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        with contextlib.suppress(AttributeError, OSError):
            put = ctypes.WinDLL("kernel32").SetStdHandle
            put.argtypes = [ctypes.c_uint32, ctypes.c_void_p]
            put(STANDARD_INPUT - descriptor, msvcrt.get_osfhandle(descriptor))
