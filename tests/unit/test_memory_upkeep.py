"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import anyio
import pytest

from atlas_mcp import memory_upkeep
from atlas_mcp.system import memory

A_SERVER_AT_REST = """
import gc
import anyio
import anyio.lowlevel
from atlas_mcp import memory_upkeep
from atlas_mcp.system import memory

memory_upkeep.INTERVAL_SECONDS = 0.001
memory_upkeep.BUSY = float("inf")

def fail(content):
    held = [content]
    held.append(held)

async def main():
    gc.disable()
    before = memory.resident_bytes()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(memory_upkeep.keep_memory_low)
        await anyio.lowlevel.checkpoint()
        for _ in range(1_000):
            fail(b"x" * 100_000)
        assert memory.resident_bytes() > before + 80_000_000
        with anyio.fail_after(30):
            while memory.resident_bytes() > before + 20_000_000:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

anyio.run(main)
"""
"""Leaves behind what only a collection frees, and ends once that has gone."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.skipif(memory.resident_bytes() is None, reason="the system does not say")
def test_what_a_failed_request_brought_goes_back() -> None:
    # In a process of its own: this one keeps what other tests made.
    command = [sys.executable, "-c", A_SERVER_AT_REST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_where_the_system_does_not_say_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "resident_bytes", lambda: None)
    with anyio.fail_after(10):
        await memory_upkeep.keep_memory_low()


@pytest.mark.parametrize(("seconds", "between"), [(0.001, [2, 4, 8]), (1.0, [60, 60, 60])])
async def test_a_collection_that_takes_long_is_made_seldom(
    monkeypatch: pytest.MonkeyPatch, seconds: float, between: list[int]
) -> None:
    now, looks, collected = 0.0, 0, list[int]()
    enough = anyio.Event()

    def collect() -> int:
        nonlocal now
        now += seconds
        collected.append(looks)
        if len(collected) == 4:
            enough.set()
        return 0

    def resident_bytes() -> int:
        nonlocal looks
        looks += 1
        return looks * 2 * memory_upkeep.SLACK_BYTES

    monkeypatch.setattr(memory_upkeep, "INTERVAL_SECONDS", 0.000_001)
    monkeypatch.setattr(memory_upkeep, "BUSY", float("inf"))
    monkeypatch.setattr(memory_upkeep.gc, "collect", collect)
    monkeypatch.setattr(memory_upkeep.time, "perf_counter", lambda: now)
    monkeypatch.setattr(memory, "keep_large_blocks_apart", lambda: None)
    monkeypatch.setattr(memory, "resident_bytes", resident_bytes)
    monkeypatch.setattr(memory, "give_back_memory", lambda: None)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(memory_upkeep.keep_memory_low)
            await enough.wait()
            tasks.cancel_scope.cancel()

    assert [after - before for before, after in pairwise(collected)] == between


async def test_the_collector_is_spared_what_is_imported_once_all_of_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded, frozen = anyio.Event(), list[bool]()
    monkeypatch.setattr(memory_upkeep.gc, "freeze", lambda: frozen.append(loaded.is_set()))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(memory_upkeep.spare_the_collector, loaded)
            await anyio.wait_all_tasks_blocked()
            loaded.set()

    assert frozen == [True]
