"""What was freed goes back to the system."""

from __future__ import annotations

import gc

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.server import trimming
from atlas_mcp.system import memory

MEGABYTES = 1_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def cycle(content: bytes) -> None:
    """Leave behind what only a collection frees."""
    held: list[object] = [content]
    held.append(held)


@pytest.mark.skipif(memory.resident_bytes() is None, reason="the system does not say")
async def test_what_a_failed_request_brought_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "INTERVAL_SECONDS", 0.001)
    monkeypatch.setattr(trimming, "BUSY", float("inf"))
    gc.disable()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trimming.keep_memory_low)
            await anyio.lowlevel.checkpoint()
            for _ in range(1_000):
                cycle(b"x" * 100_000)
            most = memory.resident_bytes() or 0
            with anyio.fail_after(10):
                while (memory.resident_bytes() or 0) > most - 50 * MEGABYTES:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    finally:
        gc.enable()


async def test_where_the_system_does_not_say_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "resident_bytes", lambda: None)
    with anyio.fail_after(10):
        await trimming.keep_memory_low()
