"""A signal cancels the work of a command, and its clean-up runs."""

from __future__ import annotations

import signal

import anyio
import pytest

from atlas_mcp.cli.signals import until_signal


async def test_work_that_ends_is_not_cancelled() -> None:
    ended: list[bool] = []

    async def work(stop: anyio.CancelScope) -> None:
        with stop:
            await anyio.lowlevel.checkpoint()
        ended.append(stop.cancelled_caught)

    await until_signal(work)

    assert ended == [False]


@pytest.mark.posix
async def test_a_signal_cancels_the_work_and_leaves_its_clean_up() -> None:
    ended: list[bool] = []

    async def work(stop: anyio.CancelScope) -> None:
        with stop:
            await anyio.wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGTERM)
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        ended.append(stop.cancelled_caught)

    with anyio.fail_after(5):
        await until_signal(work)

    assert ended == [True]
