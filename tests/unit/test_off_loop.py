"""Work in threads: what waits for what, and what is done although it is cancelled."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from atlas_mcp import off_loop as lines
from atlas_mcp.off_loop import Line, off_loop, surely_off_loop


@asynccontextmanager
async def busy(line: Line, *, threads: int) -> AsyncGenerator[None]:
    """Keep some threads of a line busy for the length of a block."""
    begun, done = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        done.wait()

    async with anyio.create_task_group() as tasks:
        try:
            for _ in range(threads):
                tasks.start_soon(off_loop, line, work)
                await anyio.to_thread.run_sync(begun.acquire)
            yield
        finally:
            done.set()


@pytest.mark.parametrize("line", ["events", "replies"])
async def test_one_reply_that_takes_its_time_keeps_no_other_waiting(line: Line) -> None:
    with anyio.fail_after(30):
        async with busy(line, threads=1):
            assert await off_loop(line, lambda: "read") == "read"


async def test_what_must_be_done_is_done_though_it_is_cancelled_in_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "LINE_SECONDS", 0.0)
    done: list[str] = []
    with anyio.fail_after(30):
        async with busy("replies", threads=lines.THREADS["replies"]):
            with anyio.CancelScope() as scope:
                scope.cancel()
                done.append(await surely_off_loop("replies", lambda: "kept"))

    assert done == ["kept"]


async def test_what_is_cancelled_still_waits_for_a_thread() -> None:
    done: list[int] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        done.append(await surely_off_loop("replies", threading.get_ident))

    assert len(done) == 1
    assert done != [threading.get_ident()]
