"""The order of commands: stops and submissions of one run take turns."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from atlas_mcp.driver import turns
from atlas_mcp.driver.turns import Turn, Turns
from atlas_mcp.runs.detached.messages import Stop, Submit
from atlas_mcp.runs.engine import ResumeRun, Submission
from tests.support.opened_runs import opening


def submit(submission: Submission, run_id: str = "r") -> Submit:
    return Submit.of(1, run_id, submission)


def stop(run_id: str = "r") -> Stop:
    return Stop(2, run_id, "user", 0.0)


async def has_come(turn: Turn) -> bool:
    """Return whether a turn comes while no other one ends."""
    come = anyio.Event()
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            await turn.comes()
            come.set()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return come.is_set()


async def test_a_stop_waits_for_every_submission_before_it() -> None:
    order = Turns()
    first, second = order.take(submit(opening())), order.take(submit(ResumeRun()))
    stopping, third = order.take(stop()), order.take(submit(ResumeRun()))
    other = order.take(stop("another run"))
    assert [await has_come(turn) for turn in (first, second, other)] == [True] * 3
    assert not await has_come(stopping)
    order.end(first)
    assert not await has_come(stopping)
    order.end(second)
    assert await has_come(stopping)
    assert not await has_come(third)
    order.end(stopping)
    assert await has_come(third)


async def test_a_stop_gives_up_what_waits_for_others_and_no_opening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.0)
    order = Turns()
    opens, resumes = order.take(submit(opening())), order.take(submit(ResumeRun()))
    stopping = order.take(stop())

    async def work(turn: Turn, goes_on: anyio.Event) -> None:
        with turn.scope:
            await goes_on.wait()
        order.end(turn)

    opened = anyio.Event()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(work, opens, opened))
            tasks.start_soon(partial(work, resumes, anyio.Event()))
            tasks.start_soon(stopping.comes)
            while not resumes.scope.cancelled_caught:
                await anyio.wait_all_tasks_blocked()
            assert not opens.scope.cancel_called
            opened.set()
    assert not opens.scope.cancelled_caught


async def test_turns_that_have_passed_are_forgotten() -> None:
    order = Turns()
    for turn in [order.take(submit(opening())), order.take(stop())]:
        order.end(turn)
    assert order == Turns()
