"""One run from its lease to its end: what is on record before a call, after it, and at a stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas import deadlines
from atlas_mcp.atlas.events import (
    AttemptFailed,
    ExploresPlanned,
    Planned,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.steps import next_step
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import (
    JournalBusy,
    JournalError,
    ModelRejected,
    ModelUnavailable,
)
from atlas_mcp.runs.driving import driver
from tests.support.driver_scenes import scene
from tests.support.gated_models import until

PLAN = ExploresPlanned("client", (Planned(3, Explore("s")),))


async def test_a_run_is_driven_to_its_answer_and_everything_is_on_record() -> None:
    async with scene() as on:
        await on.drive()

        assert on.state.finished is not None
        assert (on.state.finished.status, on.state.finished.answer) == ("answered", "42")
        assert RunState.fold(await on.journal.read("r")) == on.state
        assert on.driver.ended.is_set()
        assert on.driver.stopped
        assert on.driver.unstored == (0, 0)


async def test_a_call_is_made_once_it_is_on_record_and_its_reply_is_before_it_is_read() -> None:
    async with scene() as on:
        await on.drive()

        assert [one.count("solver_started") for one in on.model.stored] == [2, 2, 2]
        assert on.model.stored[2][-1] == "orchestrator_asked"
        types = await on.recorded()
        for number in range(types.count("solver_replied")):
            assert types.index("solver_replied", number) < types.index("solver_finished", number)


async def test_a_failed_attempt_is_recorded_and_the_call_is_made_again() -> None:
    async with scene(prefetch=1) as on:
        on.model.errors = [ModelUnavailable("scripted/test", "busy")]
        await on.drive()

        events = [one.event for one in await on.journal.read("r")]
        assert sum(isinstance(one, AttemptFailed) for one in events) == 1
        assert sum(isinstance(one, SolverStarted) for one in events) == len(on.state.explores)
        assert on.state.finished is not None
        assert on.state.finished.status == "answered"


async def test_models_that_cannot_be_had_end_the_run_before_it_spends() -> None:
    async with scene(model="nowhere/m") as on:
        await on.drive()

        assert on.model.stored == []
        assert on.state.finished is not None
        assert on.state.finished.stop_reason == "error"
        assert "nowhere" in (on.state.finished.error or "")


async def test_a_run_that_is_stopped_by_its_user_ends_with_its_calls_aborted() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.asked(2)
        await on.driver.stop("user")
        await on.driver.ended.wait()

        assert on.state.finished is not None
        assert on.state.finished.status == "cancelled"
        assert (await on.recorded())[-1] == "run_finished"


async def test_a_run_that_is_left_keeps_its_calls_grace_and_has_no_end() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.asked(2)
        await on.driver.stop("shutdown", grace=60.0)
        assert not on.driver.ended.is_set(), "its calls may still end"
        on.model.gate.set()
        await on.driver.ended.wait()

        assert on.state.finished is None
        assert len(on.state.votes) == 2, "they were paid for"
        assert on.state.turns == (), "nothing further was asked"


async def test_explores_are_added_to_a_run_under_way_and_refused_to_one_that_ended() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.asked(2)
        assert await on.driver.take_on(lambda state: PLAN)
        await on.asked(3)
        on.model.gate.set()
        await on.driver.ended.wait()

        assert sorted(on.state.explores) == [1, 2, 3]
        assert not await on.driver.take_on(lambda state: PLAN)


async def test_explores_of_a_run_that_has_not_begun_are_recorded_and_started_with_it() -> None:
    async with scene(prefetch=0) as on:
        plan = ExploresPlanned("client", (Planned(1, Explore("s")),))
        assert await on.driver.take_on(lambda state: plan)
        assert await on.recorded() == ["run_opened", "explores_planned"]
        await on.drive()

        assert on.state.explores[1].outcome is not None


@pytest.mark.usefixtures("brief_salvage")
async def test_a_journal_that_takes_no_record_stops_the_run_and_its_calls() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.asked(2)
        on.journal.error = JournalError("the disk is full")
        with pytest.raises(JournalError, match="the disk is full"):
            await on.driver.stop("user")
        await on.driver.ended.wait()

        assert [str(error) for error in on.errors] == ["the disk is full"]
        assert on.driver.live.broken is not None
        assert on.driver.live.broken.cause == "the disk is full"
        assert on.driver.unstored[0] > 0


async def test_a_run_that_was_taken_over_is_dropped_and_spends_nothing_more() -> None:
    async with scene() as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.asked(2)
        on.driver.give_up()
        await on.driver.ended.wait()
        assert on.driver.lost
        assert on.driver.stopped
        assert on.errors == [], "the run goes on elsewhere"

    async with scene() as on:
        on.journal.error = JournalBusy("another process has it")
        await on.drive()
        assert on.driver.lost
        assert on.model.stored == []


async def test_money_of_the_day_is_reserved_before_the_calls_and_the_rest_given_back() -> None:
    price = Price(Decimal(2), Decimal(10))
    async with scene(day_cap=Decimal(5), price=price, max_cost_usd=Decimal(5)) as on:
        await on.drive()

        assert on.state.finished is not None
        assert on.state.finished.status == "answered"
        assert await on.journal.spending_of("r") == on.state.ledger.committed


async def test_a_step_is_decided_once_where_its_money_must_be_reserved_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deciding builds the requests of its calls, which may be long."""
    decided: list[int] = []

    def counted(*arguments: Any) -> Any:
        step = next_step(*arguments)
        decided.append(len(step.calls))
        return step

    monkeypatch.setattr(driver, "next_step", counted)
    price = Price(Decimal(2), Decimal(10))
    async with scene(day_cap=Decimal(5), price=price, max_cost_usd=Decimal(5)) as on:
        await on.drive()

        assert [calls for calls in decided if calls] == [2, 1], "two solvers, one orchestrator"


async def test_a_day_that_leaves_too_little_ends_the_run_at_that_limit() -> None:
    price = Price(Decimal(2), Decimal(10))
    async with scene(day_cap=Decimal("0.001"), price=price, max_cost_usd=Decimal(5)) as on:
        await on.drive()

        assert on.model.stored == []
        assert on.state.finished is not None
        assert "max_cost_usd_per_day" in (on.state.finished.error or "")


async def test_the_end_of_exploring_is_recorded_before_its_open_calls_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "CLOSING_SECONDS", 0.6)
    async with scene(time_limit_s=0.4) as on, anyio.create_task_group() as tasks:
        on.model.gate = anyio.Event()
        tasks.start_soon(on.drive)
        await on.driver.ended.wait()

        types = await on.recorded()
        assert types.index("exploring_closed") < types.index("solver_finished")


async def test_a_call_that_fails_for_good_is_a_failed_candidate_and_no_end() -> None:
    async with scene() as on:
        on.model.errors = [ModelRejected("scripted/test", "a bad request")]
        await on.drive()

        assert on.state.finished is not None
        kinds = [getattr(one.outcome, "kind", None) for one in on.state.done]
        assert "rejected" in kinds


async def test_a_run_that_is_stopped_before_it_began_is_left_once_its_end_is_on_record() -> None:
    """Its lease is given back then: what came later could not be stored."""
    async with scene() as on, anyio.create_task_group() as tasks:
        disk = on.journal.disk = anyio.Lock()
        async with disk:
            tasks.start_soon(on.driver.stop, "client")
            await until(lambda: on.state.finished is not None)
            tasks.start_soon(on.drive)
            await anyio.wait_all_tasks_blocked()
            assert not on.driver.ended.is_set()
        await on.driver.ended.wait()

        assert (await on.recorded())[-1] == "run_finished"
