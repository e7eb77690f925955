"""An alarm rings at the time that was set last, once for each time."""

from __future__ import annotations

from math import inf

import anyio
import anyio.lowlevel

from atlas_mcp.runs.driving.alarm import Alarm


async def test_it_rings_at_a_time_that_is_set_before_or_while_it_is_waited_for() -> None:
    alarm = Alarm()
    rung = 0

    async def wait() -> None:
        nonlocal rung
        while True:
            await alarm.rings()
            rung += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        for count in (1, 2):
            await anyio.wait_all_tasks_blocked()
            alarm.set(anyio.current_time() - 1)
            with anyio.fail_after(5):
                while rung < count:
                    await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert rung == 2, "it has no time until one is set"
        tasks.cancel_scope.cancel()


async def test_a_time_that_is_moved_away_does_not_ring() -> None:
    alarm = Alarm()
    alarm.set(anyio.current_time() + 3_600)
    alarm.set(inf)
    with anyio.move_on_after(0) as waited:
        await alarm.rings()
    assert waited.cancelled_caught
