"""The stop of a client is lifted in the grace: calls in flight go on, and none is made twice."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import partial

import anyio
import anyio.abc
import pytest

from atlas_mcp.atlas.events import ExploresPlanned, Planned, StopCause
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.errors import InvalidInput, JournalBusy, JournalError, ModelUnavailable
from tests.support.driver_scenes import Scene, scene
from tests.support.gated_models import until

GRACE = 60.0


async def begun(on: Scene, tasks: anyio.abc.TaskGroup) -> None:
    """Drive the run until its two solvers are in flight."""
    on.model.gate = anyio.Event()
    tasks.start_soon(on.drive)
    await on.asked(2)


async def ended(on: Scene) -> Counter[str]:
    """Let all calls end, and return how many events of each type the run has then."""
    on.model.gate.set()
    with anyio.fail_after(10):
        await on.driver.ended.wait()
    return Counter(await on.recorded())


async def test_a_run_whose_stop_is_lifted_goes_on_to_its_answer_with_its_calls() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        await begun(on, tasks)
        await on.driver.stop("client", grace=GRACE)
        assert on.driver.stopped

        assert await on.driver.lift()
        assert not on.driver.stopped
        assert not await on.driver.lift(), "it goes on already"
        types = await ended(on)

        assert on.state.finished is not None
        assert (on.state.finished.status, on.state.finished.answer) == ("answered", "42")
        assert len(on.model.stored) == 3
        assert (types["solver_started"], types["stop_requested"], types["run_resumed"]) == (2, 1, 1)


async def with_a_call_between_attempts(on: Scene, tasks: anyio.abc.TaskGroup) -> None:
    """Drive the run until one call has its reply, one waits for a retry and one is in flight."""
    await begun(on, tasks)
    on.model.errors = [ModelUnavailable("scripted/test", "busy")]
    on.model.gate.set()
    await until(lambda: len(on.state.votes) == 1)
    await until(lambda: [call.attempt for call in on.state.open_calls.values()] == [2])
    on.model.gate = anyio.Event()
    plan = ExploresPlanned("client", (Planned(3, Explore("s")),))
    await on.driver.take_on(lambda state: plan)
    await on.asked(3)


async def test_a_call_that_was_cut_off_between_its_attempts_is_made_again_once() -> None:
    """The stop ended it at once, since nothing of it could still arrive."""
    async with scene(retry_delay=50.0) as on, anyio.create_task_group() as tasks:
        await with_a_call_between_attempts(on, tasks)
        await on.driver.stop("client", grace=GRACE)
        await until(lambda: len(on.state.done) == 2)
        assert await on.driver.lift()
        await on.asked(4)
        types = await ended(on)

        assert on.state.finished is not None
        assert on.state.finished.status == "answered"
        assert len(on.state.votes) == 3
        assert len(on.model.stored) == 5, "three explores, one of them again, and the orchestrator"
        assert types["solver_started"] == 4


async def test_a_call_whose_end_is_still_being_stored_is_not_made_by_two() -> None:
    async with scene(retry_delay=50.0) as on, anyio.create_task_group() as tasks:
        await with_a_call_between_attempts(on, tasks)
        disk = on.journal.disk = anyio.Lock()
        async with disk:
            tasks.start_soon(partial(on.driver.stop, "client", grace=GRACE))
            await until(lambda: len(on.state.done) == 2)
            tasks.start_soon(on.driver.lift)
            await until(lambda: not on.driver.stopped)
        await on.asked(4)
        types = await ended(on)

        assert (len(on.model.stored), types["solver_started"]) == (5, 4)


async def test_a_lift_before_a_call_knows_of_its_stop_lets_it_go_on() -> None:
    async with scene(retry_delay=0.2) as on, anyio.create_task_group() as tasks:
        await with_a_call_between_attempts(on, tasks)

        # In the same turn of the event loop, in the order in which it takes them.
        async with anyio.create_task_group() as both:
            both.start_soon(partial(on.driver.stop, "client", grace=GRACE))
            both.start_soon(on.driver.lift)
        if on.driver.stopped:
            assert await on.driver.lift()
        await on.asked(4)
        types = await ended(on)

        assert on.state.finished is not None
        assert on.state.finished.status == "answered"
        assert len(on.state.votes) == 3, "none counts as late"
        assert (len(on.model.stored), types["run_resumed"]) == (5, 1)


@pytest.mark.parametrize("cause", ["user", "shutdown"])
async def test_a_stop_for_another_cause_is_not_lifted(cause: StopCause) -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        await begun(on, tasks)
        await on.driver.stop(cause, grace=GRACE)
        assert not await on.driver.lift()
        types = await ended(on)

        assert (types["run_resumed"], len(on.model.stored)) == (0, 2)


async def test_a_run_that_has_not_begun_or_has_ended_is_not_lifted() -> None:
    async with scene() as on:
        await on.driver.stop("client")
        assert not await on.driver.lift()
        await on.drive()
        assert not await on.driver.lift()
        assert on.model.stored == []


async def test_limits_are_raised_with_the_lift_or_nothing_is_changed() -> None:
    async with scene(max_cost_usd=Decimal(5)) as on, anyio.create_task_group() as tasks:
        await begun(on, tasks)
        await on.driver.stop("client", grace=GRACE)
        with pytest.raises(InvalidInput):
            await on.driver.lift(max_explores=1)
        assert on.driver.stopped

        assert await on.driver.lift(max_explores=9, max_cost_usd=Decimal(7))
        assert (on.state.budget.max_explores, on.state.ledger.limit) == (9, 7)
        await ended(on)


@pytest.mark.usefixtures("brief_salvage")
async def test_a_lift_that_cannot_be_recorded_is_told_and_the_run_breaks_off() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        await begun(on, tasks)
        await on.driver.stop("client", grace=GRACE)
        on.journal.error = JournalError("the disk is full")
        with pytest.raises(JournalError, match="the disk is full"):
            await on.driver.lift()
        assert not await on.driver.lift()
        await on.driver.ended.wait()

        assert on.driver.live.broken is not None


async def test_a_run_that_another_process_has_taken_over_is_not_lifted() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        await begun(on, tasks)
        await on.driver.stop("client", grace=GRACE)
        on.journal.error = JournalBusy("another process has it")
        assert not await on.driver.lift()
        await on.driver.ended.wait()
        assert on.driver.lost
