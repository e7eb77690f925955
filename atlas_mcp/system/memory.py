"""How much memory this process may use."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where Linux says what a container may use, in its two generations of control groups."""


def memory_bytes() -> int | None:
    """Return the bytes of this machine's or container's memory, `None` if it does not say."""
    known = [limit for path in GROUP_LIMITS if (limit := _group_limit(path)) is not None]
    if hasattr(os, "sysconf"):
        with contextlib.suppress(OSError, ValueError):
            known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in known if limit > 0), default=None)


def _group_limit(path: Path) -> int | None:
    try:
        # "max" where there is none.
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
