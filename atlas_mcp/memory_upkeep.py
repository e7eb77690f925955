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

from atlas_mcp.off_loop import off_loop
from atlas_mcp.system import memory

INTERVAL_SECONDS = 2.0
"""Seconds between looks. Giving back takes 10 to 25 ms of 300 MB in use, measured 2026-11."""

MOST_LOOKS = 60
"""Looks between two attempts in a server that does nothing."""

BUSY = 0.1
"""Share of a processor above which a server has better to do than to collect: that holds up all."""

LONG_SECONDS = 0.05
"""Seconds of a collection that requests should seldom wait for. It takes that long where some
hundred thousand values are held, as by candidates of tens of thousands each."""

SLACK_BYTES = 8_000_000
"""Bytes above the least this process has taken up that it may keep."""


async def spare_the_collector(loaded: anyio.Event) -> None:
    """Keep all that is imported out of every further collection, once it is: it stays.

    Args:
        loaded: Set once it is.
    """
    await loaded.wait()
    # Looking at it again would hold up every request for 0.1 s a time.
    gc.freeze()


async def keep_memory_low() -> None:
    """Give free memory back again and again; returns only where that cannot be done."""
    memory.keep_large_blocks_apart()
    least = memory.resident_bytes()
    looks, patience, least_patience = 0, 1, 1
    while least is not None:
        worked = time.process_time()
        await anyio.sleep(INTERVAL_SECONDS)
        is_busy = time.process_time() - worked > BUSY * INTERVAL_SECONDS
        resident = memory.resident_bytes() or 0
        least = min(least, resident)
        if is_busy:
            looks, patience = 0, least_patience
        else:
            looks += 1
        if resident > least + SLACK_BYTES and (is_busy or looks >= patience):
            if not is_busy:
                begun = time.perf_counter()
                gc.collect()
                # The objects that stay will take as long the next time.
                least_patience = MOST_LOOKS if time.perf_counter() - begun > LONG_SECONDS else 1
                looks, patience = 0, max(least_patience, min(2 * patience, MOST_LOOKS))
            await off_loop("memory", memory.give_back_memory)
