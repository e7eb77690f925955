import anyio
import pytest

from atlas_mcp.models.embedded.context_share import ContextShare


class Visitors:
    """Calls that come into a room and stay until they are told to go."""

    def __init__(self, room: ContextShare) -> None:
        self.room = room
        self.inside: list[str] = []
        self.leave: dict[str, anyio.Event] = {}

    async def visit(self, name: str, tokens: int) -> None:
        self.leave[name] = anyio.Event()
        async with self.room.taken(tokens):
            self.inside.append(name)
            await self.leave[name].wait()
        self.inside.remove(name)


async def settle() -> None:
    await anyio.wait_all_tasks_blocked()


async def test_calls_come_in_while_their_tokens_are_free_and_go_on_when_some_are() -> None:
    visitors = Visitors(ContextShare(100, 9))
    async with anyio.create_task_group() as group:
        for name, tokens in (("a", 60), ("b", 40), ("c", 50)):
            group.start_soon(visitors.visit, name, tokens)
            await settle()
        assert visitors.inside == ["a", "b"]

        visitors.leave["a"].set()
        await settle()
        assert visitors.inside == ["b", "c"]
        group.cancel_scope.cancel()


async def test_no_more_calls_are_in_than_there_are_places() -> None:
    visitors = Visitors(ContextShare(100, 2))
    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(visitors.visit, name, 1)
            await settle()
        assert visitors.inside == ["a", "b"]

        visitors.leave["b"].set()
        await settle()
        assert visitors.inside == ["a", "c"]
        group.cancel_scope.cancel()


async def test_a_large_call_is_not_overtaken_by_small_ones() -> None:
    visitors = Visitors(ContextShare(100, 9))
    async with anyio.create_task_group() as group:
        for name, tokens in (("a", 50), ("large", 80), ("small", 10)):
            group.start_soon(visitors.visit, name, tokens)
            await settle()
        assert visitors.inside == ["a"]

        visitors.leave["a"].set()
        await settle()
        assert sorted(visitors.inside) == ["large", "small"]
        group.cancel_scope.cancel()


async def test_a_call_larger_than_all_there_is_comes_in_alone() -> None:
    visitors = Visitors(ContextShare(100, 9))
    async with anyio.create_task_group() as group:
        group.start_soon(visitors.visit, "a", 1_000)
        await settle()
        group.start_soon(visitors.visit, "b", 1)
        await settle()
        assert visitors.inside == ["a"]
        group.cancel_scope.cancel()


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "inside"])
async def test_a_cancelled_call_takes_nothing_with_it(waits: bool) -> None:
    room = ContextShare(100, 1)
    visitors = Visitors(room)
    async with anyio.create_task_group() as outer:
        if waits:
            outer.start_soon(visitors.visit, "first", 100)
            await settle()
        async with anyio.create_task_group() as inner:
            inner.start_soon(visitors.visit, "cancelled", 100)
            await settle()
            inner.cancel_scope.cancel()
        if waits:
            visitors.leave["first"].set()

        with anyio.fail_after(5):
            async with room.taken(100):
                pass
