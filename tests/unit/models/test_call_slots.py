from __future__ import annotations

import anyio
import anyio.lowlevel

from atlas_mcp.models.call_slots import CallSlots, OnFirstUse


class Client:
    """Stands for a vendor's client."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_no_more_calls_are_in_flight_than_there_is_room_for_and_all_get_their_turn() -> None:
    calls, at_once, most, done = CallSlots(), 0, 0, 0
    full = anyio.Event()
    calls.bound(3)

    async def call() -> None:
        nonlocal at_once, most, done
        async with calls.one():
            at_once += 1
            most = max(most, at_once)
            if at_once == 3:
                full.set()
            await full.wait()
            at_once -= 1
        done += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call)

    assert (most, done) == (3, 20)


async def test_a_call_that_is_cancelled_while_it_waits_takes_no_room() -> None:
    calls = CallSlots(1)
    async with calls.one():
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with calls.one():
                raise AssertionError("there is no room")
    with anyio.fail_after(5):
        async with calls.one():
            pass


async def test_first_uses_that_come_together_make_one_client() -> None:
    made: list[Client] = []

    async def make() -> Client:
        await anyio.lowlevel.checkpoint()
        made.append(Client())
        return made[-1]

    client = OnFirstUse(make)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(client.get)
    await client.aclose()

    assert [one.closed for one in made] == [True]


async def test_what_was_never_used_is_not_made_to_be_closed() -> None:
    async def make() -> Client:
        raise AssertionError("nobody has used it")

    await OnFirstUse(make).aclose()
