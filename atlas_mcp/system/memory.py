"""The memory that this process may use and does use; unused memory is given back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where Linux has the limits of a container, in its two generations of control groups."""

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Names of settings of glibc, as malloc.h has them."""

LARGE_BLOCK_BYTES = 262_144
"""Bytes of a block that glibc takes from the system, and gives back, by itself. Left alone it takes
up to 32 MB from its own heap, once blocks as large have been freed."""

RESIDENT = Path("/proc/self/statm")
"""Where Linux says, in pages, what this process takes up: all of it, then what is in memory."""


def memory_bytes() -> int | None:
    """Return the bytes of this machine's or container's memory, `None` if it does not say."""
    known = [limit for path in GROUP_LIMITS if (limit := _group_limit(path)) is not None]
    if sys.platform == "win32":
        known.append(_physical_memory())
    else:
        with contextlib.suppress(OSError, ValueError):
            known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in known if limit > 0), default=None)


def _physical_memory() -> int:
    """Return the bytes of memory that Windows has, 0 where that cannot be asked."""
    if sys.platform == "win32":

        class Status(ctypes.Structure):
            """MEMORYSTATUSEX: its own length, a percentage, then bytes, of memory in all first."""

            _fields_ = (
                ("length", ctypes.c_uint32),
                ("load", ctypes.c_uint32),
                ("bytes", ctypes.c_uint64 * 7),
            )

        status = Status(length=ctypes.sizeof(Status))
        with contextlib.suppress(AttributeError, OSError):
            if ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):
                return int(status.bytes[0])
    return 0


def _group_limit(path: Path) -> int | None:
    try:
        # "max" where there is none.
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def resident_bytes() -> int | None:
    """Return the bytes of memory that this process takes up, `None` if the system does not say."""
    if sys.platform == "win32":
        return None
    try:
        return int(RESIDENT.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def keep_large_blocks_apart() -> None:
    """Have the C library give large blocks back when they are freed, and keep few heaps."""
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
            set_option(_M_ARENA_MAX, 2)


def give_back_memory() -> None:
    """Give free memory back where the C library would keep it, in pieces, for later."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
