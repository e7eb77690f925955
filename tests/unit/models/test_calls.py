from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.models.calls import CALLS_A_CLIENT, Calls, Clients


class Client:
    """Stands for a vendor's client."""

    def __init__(self) -> None:
        self.closed = False
        self.fault: Exception | None = None

    async def close(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.closed = True


def clients() -> tuple[Clients[Client], list[Client]]:
    made: list[Client] = []

    def another(first: Client | None = None) -> Client:
        made.append(Client())
        return made[-1]

    async def make() -> Client:
        await anyio.lowlevel.checkpoint()
        return another()

    return Clients(make, another), made


async def test_a_client_that_cannot_be_closed_leaves_no_other_open() -> None:
    lent, made = clients()
    async with AsyncExitStack() as stack:
        for _ in range(2 * CALLS_A_CLIENT + 1):
            await stack.enter_async_context(lent.lend())
    made[0].fault = OSError("a connection could not be closed")

    with pytest.raises(OSError, match="could not be closed"):
        await lent.aclose()

    assert [client.closed for client in made] == [False, True, True]


async def test_no_more_calls_are_in_flight_than_there_is_room_for_and_all_get_their_turn() -> None:
    calls, at_once, most, done = Calls(), 0, 0, 0
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
    calls = Calls(1)
    async with calls.one():
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with calls.one():
                raise AssertionError("there is no room")
    with anyio.fail_after(5):
        async with calls.one():
            pass


async def test_calls_that_are_few_go_through_one_client() -> None:
    lent, made = clients()

    async def call() -> None:
        async with lent.lend():
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(CALLS_A_CLIENT):
            tasks.start_soon(call)

    assert len(made) == 1


async def test_a_crowd_is_spread_over_clients_and_the_first_serves_again_once_it_is_gone() -> None:
    lent, made = clients()
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(lent.lend()) for _ in range(2 * CALLS_A_CLIENT)]
    async with lent.lend() as after:
        assert after is made[0]

    assert [crowd.count(one) for one in made] == [CALLS_A_CLIENT, CALLS_A_CLIENT]
    await lent.aclose()
    assert all(one.closed for one in made)
