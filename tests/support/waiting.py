"""Waiting for what other tasks, threads and processes of a test do."""

from __future__ import annotations

import anyio

PAUSE_SECONDS = 0.001
"""Long enough for others to go on, short enough for a test that looks again and again."""


async def pause() -> None:
    """Wait a moment before a condition is looked at again.

    A loop that only lets other tasks run keeps the interpreter from threads, and a core from
    processes.
    """
    await anyio.sleep(PAUSE_SECONDS)
