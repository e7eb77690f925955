"""Memory that is free again goes back to the system.

A request that failed is often part of a cycle, with all that it brought, and is freed by the next
full collection, which large requests bring no nearer. And the C library of Linux keeps what was
freed for later. So a server that was sent large pictures once would look as large from then on.
Both are seen to every few seconds while it has little to do, and ever more seldom where it takes up
more than it once did and nothing is left to give.
"""

from __future__ import annotations

import gc
import time

import anyio

from atlas_mcp.models.off_loop import off_loop
from atlas_mcp.system import memory

INTERVAL_SECONDS = 2.0
"""Seconds between looks. Giving back takes 10 to 25 ms of 300 MB in use, measured 2026-11."""

LONGEST_INTERVAL_SECONDS = 120.0
"""Seconds between attempts of a server that does nothing."""

BUSY = 0.1
"""Share of a processor above which a server has better to do than to collect: that holds up all."""

SLACK_BYTES = 8_000_000
"""Bytes above the least this process has taken up that it may keep."""


async def keep_memory_low() -> None:
    """Give free memory back again and again; returns only where that cannot be done."""
    memory.keep_large_blocks_apart()
    least = memory.resident_bytes()
    pause, worked = INTERVAL_SECONDS, time.process_time()
    while least is not None:
        await anyio.sleep(pause)
        is_busy = time.process_time() - worked > BUSY * pause
        resident = memory.resident_bytes() or 0
        least = min(least, resident)
        if resident > least + SLACK_BYTES:
            if not is_busy:
                gc.collect()
            await off_loop("memory", memory.give_back_memory)
        worked = time.process_time()
        pause = INTERVAL_SECONDS if is_busy else min(2 * pause, LONGEST_INTERVAL_SECONDS)
