"""Calls about to open a run are cut off once the client has gone, and can be waited for."""

from __future__ import annotations

import anyio
import pytest

from atlas_mcp.server.openings import Openings, ServerEnding


async def test_a_call_that_is_about_to_open_a_run_is_cut_off_once_the_client_has_gone() -> None:
    openings = Openings(anyio.Event())
    ends: list[str] = []

    async def spend() -> None:
        with pytest.raises(ServerEnding, match="nothing was run"), openings.spending():
            await anyio.sleep_forever()
        ends.append("cut off")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spend)
        tasks.start_soon(spend)
        await anyio.wait_all_tasks_blocked()
        openings.cut_off()
    assert ends == ["cut off"] * 2


async def test_none_begins_after_the_client_has_gone() -> None:
    gone = anyio.Event()
    openings = Openings(gone)
    gone.set()

    with pytest.raises(ServerEnding, match="nothing was run"), openings.spending():
        await anyio.sleep_forever()


async def test_their_end_is_waited_for() -> None:
    openings = Openings(anyio.Event())
    may_open, seen = anyio.Event(), anyio.Event()

    async def spend() -> None:
        with openings.spending():
            await may_open.wait()

    async def wait() -> None:
        await openings.end(60.0)
        seen.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spend)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not seen.is_set()
        may_open.set()
    assert seen.is_set()


async def test_their_end_is_not_waited_for_longer_than_asked() -> None:
    openings = Openings(anyio.Event())

    with openings.spending():
        with anyio.fail_after(30.0):
            await openings.end(0.0)
