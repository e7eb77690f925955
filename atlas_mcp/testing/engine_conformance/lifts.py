"""Checks of a resumption in the grace of a stop: the run goes on, with the calls in flight."""

from __future__ import annotations

from functools import partial

import anyio

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.engine import Engine, ResumeRun
from atlas_mcp.testing.engine_conformance import (
    PATIENCE,
    Check,
    Stand,
    a_run,
    begin_held,
    checks_of,
    client_run,
    end_of,
    events_of,
    state_of,
    until_free,
)


async def until_stopped(engine: Engine, run_id: str, cause: StopCause) -> None:
    """Return once a run is to stop for a cause, as an engine shows it."""
    with anyio.fail_after(PATIENCE):
        async with engine.follow(run_id) as live:
            while live.state.stop_cause != cause:
                await live.changed(live.changes)


def is_answered(state: RunState) -> bool:
    """Return whether a run ended with the answer of the stand's model."""
    return state.finished is not None and state.finished.answer == "42"


async def check_51_a_run_that_its_client_left_goes_on_with_its_calls(stand: Stand) -> None:
    """Nothing is asked again, and the record says that the stop was taken back."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "client", grace=PATIENCE)
        assert await engine.submit("r", ResumeRun())
        assert (await state_of(stand, "r")).stop_cause is None
        stand.calls.release()
        state = await end_of(engine, "r")
    assert is_answered(state)
    assert stand.calls.arrived == 3
    types = await events_of(stand, "r")
    assert (types.count("stop_requested"), types.count("run_resumed")) == (1, 1)
    assert "calls_lost" not in types
    assert await state_of(stand, "r") == state


async def check_52_the_stop_of_a_run_of_another_engine_is_lifted_there(stand: Stand) -> None:
    """That engine is asked, and carries the run out on."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        await driver.stop("r", "client", grace=PATIENCE)
        assert await other.submit("r", ResumeRun())
        assert (await state_of(stand, "r")).stop_cause is None
        stand.calls.release()
        assert is_answered(await end_of(other, "r"))
        assert is_answered(await end_of(driver, "r"))
    assert stand.calls.arrived == 3
    assert "calls_lost" not in await events_of(stand, "r")


async def check_53_a_run_whose_end_is_near_or_past_is_resumed_all_the_same(stand: Stand) -> None:
    """By whichever engine; the calls that were cut off are made again, once."""
    for through in ("same", "another"):
        async with stand.open() as driver, stand.open() as other:
            arrived = stand.calls.arrived
            stand.calls.hold()
            await driver.submit(through, a_run(stand))
            await stand.calls.reach(arrived + 2)
            await driver.stop(through, "client")
            engine = driver if through == "same" else other
            assert await engine.submit(through, ResumeRun())
            stand.calls.release()
            assert is_answered(await end_of(engine, through))
            await until_free(stand, through)
            assert stand.calls.arrived == arrived + 5
        assert (await events_of(stand, through)).count("run_resumed") == 1


async def check_54_the_stop_of_a_user_is_not_lifted(stand: Stand) -> None:
    """The run comes to its end; then it is resumed."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        outcomes: list[bool] = []

        async def resume() -> None:
            outcomes.append(await engine.submit("r", ResumeRun()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(engine.stop, "r", "user", grace=PATIENCE))
            await until_stopped(engine, "r", "user")
            tasks.start_soon(resume)
            await anyio.wait_all_tasks_blocked()
            assert outcomes == []
            stand.calls.release()
        assert outcomes == [True]
        assert is_answered(await end_of(engine, "r"))
    types = await events_of(stand, "r")
    assert types.index("run_finished") < types.index("run_resumed")
    assert stand.calls.arrived == 3


async def check_55_a_stop_is_lifted_once_however_many_ask_for_it(stand: Stand) -> None:
    """All of them find that the run goes on."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        await driver.stop("r", "client", grace=PATIENCE)
        outcomes: list[bool] = []

        async def resume(engine: Engine) -> None:
            outcomes.append(await engine.submit("r", ResumeRun()))

        async with anyio.create_task_group() as tasks:
            for engine in (driver, other, driver, other):
                tasks.start_soon(resume, engine)
        assert len(outcomes) == 4
        assert True in outcomes
        stand.calls.release()
        assert is_answered(await end_of(driver, "r"))
    assert stand.calls.arrived == 3
    assert (await events_of(stand, "r")).count("run_resumed") == 1


async def check_56_a_client_stops_a_run_of_another_engine_with_its_grace(stand: Stand) -> None:
    """Its calls may end; no further one is made."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        await other.stop("r", "client", grace=PATIENCE)
        await until_stopped(driver, "r", "client")
        stand.calls.release()
        state = await end_of(driver, "r")
    assert [vote.candidate.answer for vote in state.votes] == ["42", "42"]
    assert state.finished is not None
    assert state.finished.status == "cancelled"
    assert stand.calls.arrived == 2


async def check_57_a_limit_is_raised_with_the_lift(stand: Stand) -> None:
    """Of a run of another engine only once it has ended."""
    more = ResumeRun(max_explores=9)
    for through in ("same", "another"):
        async with stand.open() as driver, stand.open() as other:
            arrived = stand.calls.arrived
            stand.calls.hold()
            await driver.submit(through, a_run(stand))
            await stand.calls.reach(arrived + 2)
            await driver.stop(through, "client", grace=PATIENCE)
            if through == "same":
                assert await driver.submit(through, more)
                stand.calls.release()
                state = await end_of(driver, through)
            else:
                stand.calls.release()
                assert await other.submit(through, more)
                state = await end_of(other, through)
            assert is_answered(state)
            assert state.budget.max_explores == 9
            assert stand.calls.arrived == arrived + 3


async def check_58_a_run_whose_stop_was_lifted_can_be_stopped_again(stand: Stand) -> None:
    """Each stop has its own grace."""
    async with stand.open() as engine:
        stand.calls.hold()
        await engine.submit("r", client_run(stand, count=2))
        await stand.calls.reach(2)
        for _ in range(2):
            await engine.stop("r", "client", grace=PATIENCE)
            assert await engine.submit("r", ResumeRun())
        await engine.stop("r", "client")
        state = await end_of(engine, "r")
    assert state.finished is not None
    assert state.finished.status == "cancelled"
    assert (await events_of(stand, "r")).count("stop_requested") == 3
    assert stand.calls.arrived == 2


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
