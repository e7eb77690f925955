"""All that differs between operating systems; no other room asks which one it runs on.

A facility that a system lacks is asked for (`hasattr`, an import that may fail), never assumed.
Only these modules import `fcntl`, `msvcrt`, `resource` or `ctypes`, or name flags and signals that
are not everywhere.
"""

from __future__ import annotations

from atlas_mcp.system.limits import open_files, raise_open_files, too_few_files
from atlas_mcp.system.memory import memory_bytes
from atlas_mcp.system.signals import ending_signals, open_signals

__all__ = [
    "ending_signals",
    "memory_bytes",
    "open_files",
    "open_signals",
    "raise_open_files",
    "too_few_files",
]
