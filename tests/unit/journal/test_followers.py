"""When those who follow a run look at it again."""

from __future__ import annotations

import anyio
import pytest

from atlas_mcp.journal import followers
from atlas_mcp.journal.followers import LOOKED_AT_FULL_PACE, Followers

FOREVER = 1e6


async def test_a_follower_is_woken_by_news_of_its_run_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(followers, "LOOK_SECONDS", FOREVER)
    all_of_them = Followers()
    woken: list[str] = []

    async def follow(run_id: str) -> None:
        with all_of_them.following(run_id) as follower:
            while True:
                await all_of_them.pause(follower)
                woken.append(run_id)

    async with anyio.create_task_group() as tasks:
        for run_id in ("a", "a", "b"):
            tasks.start_soon(follow, run_id)
        await anyio.wait_all_tasks_blocked()
        all_of_them.wake("a run without followers")
        all_of_them.wake("a")
        all_of_them.wake("a")
        await anyio.wait_all_tasks_blocked()
        assert woken == ["a", "a"]
        all_of_them.wake("b")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert woken == ["a", "a", "b"]


async def test_news_before_a_pause_are_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "LOOK_SECONDS", FOREVER)
    all_of_them = Followers()

    with all_of_them.following("r") as follower, anyio.fail_after(5):
        all_of_them.wake("r")
        await all_of_them.pause(follower)


async def test_a_follower_looks_without_being_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "LOOK_SECONDS", 0.0)
    all_of_them = Followers()

    with all_of_them.following("r") as follower, anyio.fail_after(5):
        await all_of_them.pause(follower)


def test_many_followers_share_the_looks_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "LOOK_SECONDS", 1.0)
    all_of_them = Followers()
    paces: list[float] = []

    def count(number: int) -> None:
        with all_of_them.following(f"r{number}"):
            paces.append(all_of_them.look_seconds)
            if number < 4 * LOOKED_AT_FULL_PACE:
                count(number + 1)

    count(1)

    assert paces[:LOOKED_AT_FULL_PACE] == [1.0] * LOOKED_AT_FULL_PACE
    assert paces[-1] == 4.0
    assert all_of_them.look_seconds == 1.0
