from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.loop_turns import LoopTurns, Rush, rush


async def passes() -> None:
    """Let everybody go on who can."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_one_goes_on_in_each_turn_of_the_event_loop() -> None:
    turns, gone = LoopTurns(), list[int]()

    async def go(number: int) -> None:
        await turns.next()
        gone.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(go, number)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        assert len(gone) < 10

    # trio begins tasks in any order.
    assert sorted(gone) == list(range(50))


async def test_who_steps_back_goes_on_once_nobody_waits_for_a_first_word() -> None:
    turns, gone = LoopTurns(steps_back=60), anyio.Event()

    async def go() -> None:
        await turns.next()
        gone.set()

    async with anyio.create_task_group() as tasks:
        with rush().one_more():
            with rush().one_more():
                tasks.start_soon(go)
                await passes()
            await passes()
            assert not gone.is_set()
        with anyio.fail_after(5):
            await gone.wait()


async def test_nobody_steps_back_for_ever() -> None:
    turns = LoopTurns(steps_back=0.001)
    with rush().one_more(), anyio.fail_after(5):
        await turns.next()
        await turns.next()


async def test_those_who_came_together_step_back_together() -> None:
    turns, gone = LoopTurns(steps_back=0.5), list[int]()

    async def go(number: int) -> None:
        await turns.next()
        gone.append(number)

    with rush().one_more(), anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(go, number)

    assert len(gone) == 100


async def test_who_is_not_to_step_back_goes_on_in_a_rush() -> None:
    with rush().one_more(), anyio.fail_after(5):
        await LoopTurns().next()


async def test_a_caller_that_fails_waits_no_longer() -> None:
    callers = Rush()
    with pytest.raises(ValueError, match="no"), callers.one_more():
        raise ValueError("no")
    with anyio.fail_after(5):
        await callers.over(60)
