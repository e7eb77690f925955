"""Checks of the end of an engine, and of a run that another engine takes over."""

from __future__ import annotations

from functools import partial

import anyio

from atlas_mcp.runs.engine import ResumeRun
from atlas_mcp.testing.engine_conformance import (
    PATIENCE,
    Check,
    Stand,
    begin_held,
    checks_of,
    end_of,
    events_of,
    state_of,
    until_free,
)


async def check_31_runs_are_left_without_an_end_and_another_engine_goes_on(stand: Stand) -> None:
    """No run is driven then; calls whose replies were given up are made again."""
    async with stand.open() as engine, stand.open() as other:
        await begin_held(stand, engine)
        with anyio.fail_after(PATIENCE):
            await engine.leave(grace=0.0)
        assert engine.driven == ()
        if engine.outlives:
            # Nothing ends with the process, so nothing is left.
            assert (await state_of(stand, "r")).stop_cause is None
            return
        assert (await state_of(stand, "r")).finished is None
        await until_free(stand, "r")

        stand.calls.release()
        assert await other.submit("r", ResumeRun())
        state = await end_of(other, "r")
    assert state.finished is not None
    assert state.finished.status == "answered"
    assert stand.calls.arrived == 5


async def check_32_the_grace_of_the_end_lets_calls_end(stand: Stand) -> None:
    """Their candidates are on record; the orchestrator is not asked any more."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        if engine.outlives:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(engine.leave, grace=PATIENCE))
            await anyio.wait_all_tasks_blocked()
            stand.calls.release()
    state = await state_of(stand, "r")
    assert (len(state.votes), state.finished) == (2, None)
    assert stand.calls.arrived == 2


async def check_33_an_engine_that_closes_leaves_its_runs(stand: Stand) -> None:
    """Their leases are given back at once, whatever its calls do.

    Where runs outlive the engine, one that nobody waits for is stopped as if its client had left.
    """
    async with stand.open() as engine:
        await begin_held(stand, engine)
        outlives = engine.outlives
    await until_free(stand, "r")
    state = await state_of(stand, "r")
    if outlives:
        assert state.stop_cause == "client"
    else:
        assert state.finished is None


async def check_34_a_run_whose_lease_ran_out_is_taken_over(stand: Stand) -> None:
    """The first engine records nothing any more, and shows the run as the other one goes on."""
    async with stand.open() as frozen, stand.open() as other:
        await begin_held(stand, frozen)
        async with frozen.follow("r") as live:
            stand.pass_time(stand.lease_seconds + 1)
            assert await other.submit("r", ResumeRun())
            with anyio.fail_after(PATIENCE):
                await stand.calls.reach(4)
            stand.calls.release()
            state = await end_of(other, "r")
            with anyio.fail_after(PATIENCE):
                await live.finished()
            assert live.state == state
    assert state.finished is not None
    assert state.finished.answer == "42"
    types = await events_of(stand, "r")
    assert types.count("run_resumed") == types.count("run_finished") == 1
    assert types.count("solver_replied") == 2, "those of the first engine are dropped"
    assert await state_of(stand, "r") == state


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
