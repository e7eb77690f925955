"""Requests that wait for news make room for each other, and are over when nobody listens."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from atlas_mcp.pages import polls
from atlas_mcp.pages.polls import Polls, while_connected


async def waited(all_polls: Polls, visitor: str, seconds: float, over: list[str]) -> None:
    with all_polls.place(visitor, seconds):
        await anyio.sleep_forever()
    over.append(visitor)


async def test_a_wait_is_over_when_its_time_is_up() -> None:
    all_polls, over = Polls(), list[str]()
    with anyio.fail_after(5):
        await waited(all_polls, "a", 0.0, over)

    assert over == ["a"]
    assert all_polls.waiting == 0


async def test_no_wait_is_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "LONGEST_WAIT", 0.0)
    over: list[str] = []
    with anyio.fail_after(5):
        await waited(Polls(), "a", 9_999.0, over)

    assert over == ["a"]


async def test_the_oldest_waits_of_one_visitor_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "LEAST_WAIT", 0.0)
    all_polls, over = Polls(), list[str]()
    async with anyio.create_task_group() as tasks:
        for visitor in ("a", "a", "a", "b", "a"):
            tasks.start_soon(waited, all_polls, visitor, 20.0, over)
        await anyio.wait_all_tasks_blocked()
        assert over == []
        tasks.start_soon(waited, all_polls, "a", 20.0, over)
        tasks.start_soon(waited, all_polls, "a", 20.0, over)
        with anyio.fail_after(5):
            while len(over) < 2:
                await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert (over, all_polls.waiting) == (["a", "a"], 5)
        tasks.cancel_scope.cancel("seen")


async def test_a_wait_makes_room_once_it_has_waited_a_while() -> None:
    """Many tabs that ask again at once do not keep the server busy."""
    all_polls, over = Polls(), list[str]()
    async with anyio.create_task_group() as tasks:
        for _ in range(9):
            tasks.start_soon(waited, all_polls, "a", 20.0, over)
        await anyio.wait_all_tasks_blocked()
        assert (all_polls.waiting, over) == (9, [])
        tasks.cancel_scope.cancel("seen")

    assert all_polls.waiting == 0


async def test_all_waits_end_with_the_server() -> None:
    all_polls, over = Polls(), list[str]()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for visitor in "abc":
                tasks.start_soon(waited, all_polls, visitor, 20.0, over)
            await anyio.wait_all_tasks_blocked()
            all_polls.end()
        await waited(all_polls, "d", 20.0, over)

    assert sorted(over) == ["a", "b", "c", "d"]


async def test_work_is_left_when_its_browser_has_gone() -> None:
    messages = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]
    ended = False

    async def receive() -> Any:
        return messages.pop(0)

    async def work() -> str:
        nonlocal ended
        try:
            await anyio.sleep_forever()
        finally:
            ended = True
        raise AssertionError

    with anyio.fail_after(5):
        assert await while_connected(receive, work) is None
    assert ended


async def test_work_gives_its_result_while_somebody_listens() -> None:
    async def receive() -> Any:
        await anyio.sleep_forever()

    async def work() -> str:
        await anyio.lowlevel.checkpoint()
        return "done"

    assert await while_connected(receive, work) == "done"
