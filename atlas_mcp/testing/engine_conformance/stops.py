"""Checks of `stop`: whose request ends a run, whose leaves it, and what is on record after it."""

from __future__ import annotations

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
    interrupt,
    state_of,
    until_free,
)


async def check_11_a_user_ends_a_run_with_its_open_calls_on_record(stand: Stand) -> None:
    """It returns once the run is carried out no more; nothing further is asked."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "user")
        state = await state_of(stand, "r")

        assert state.finished is not None
        assert state.finished.status == "cancelled"
        assert not state.calls_in_flight
        assert [type(explore.outcome).__name__ for explore in state.done] == ["SolverFailure"] * 2
        await until_free(stand, "r")
    assert stand.calls.arrived == 2


async def check_12_a_client_that_leaves_ends_its_run(stand: Stand) -> None:
    """The stop is on record when it returns, and the end follows."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "client")
        assert (await state_of(stand, "r")).stop_cause == "client"
        state = await end_of(engine, "r")
    assert state.finished is not None
    assert state.finished.status == "cancelled"


async def check_13_a_shutdown_leaves_a_run_to_be_resumed(stand: Stand) -> None:
    """It has no end on record, and goes on once it is resumed."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "shutdown")
        await end_of(engine, "r")
        state = await state_of(stand, "r")
        assert (state.finished, state.stop_cause) == (None, "shutdown")
        await until_free(stand, "r")

        stand.calls.release()
        assert await engine.submit("r", ResumeRun())
        state = await end_of(engine, "r")
    assert state.finished is not None
    assert state.finished.status == "answered"


async def check_14_a_second_stop_adds_nothing(stand: Stand) -> None:
    """Nor does a stop of a run that has ended."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "user")
        await end_of(engine, "r")
        before = await events_of(stand, "r")
        for cause in ("user", "client", "shutdown"):
            await engine.stop("r", cause)
    assert await events_of(stand, "r") == before


async def check_15_calls_in_flight_get_their_grace(stand: Stand) -> None:
    """Their replies are recorded and read; no further call is made."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "client", grace=PATIENCE)
        stand.calls.release()
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert [vote.candidate.answer for vote in state.votes] == ["42", "42"]
    assert state.finished is not None
    assert stand.calls.arrived == 2


async def check_16_a_user_ends_a_run_of_another_engine(stand: Stand) -> None:
    """A shutdown concerns the runs of its own engine alone."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        before = await events_of(stand, "r")
        await other.stop("r", "shutdown")
        assert await events_of(stand, "r") == before

        with anyio.fail_after(PATIENCE):
            await other.stop("r", "user")
        state = await state_of(stand, "r")
        assert state.finished is not None
        assert state.finished.status == "cancelled"
        await end_of(driver, "r")


async def check_17_a_user_ends_a_run_that_no_engine_carries_out(stand: Stand) -> None:
    """The calls that its engine left open are given up on record."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await interrupt(stand, engine, "r")
    async with stand.open() as other:
        await other.stop("r", "client")
        assert (await state_of(stand, "r")).finished is None
        await other.stop("r", "user")
        state = await state_of(stand, "r")
        assert state.finished is not None
        assert (state.finished.status, state.calls_in_flight) == ("cancelled", False)
        await until_free(stand, "r")


async def check_18_the_first_request_counts_and_a_user_s_besides(stand: Stand) -> None:
    """Nothing is recorded of the others."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await engine.stop("r", "client", grace=PATIENCE)
        before = await events_of(stand, "r")
        await engine.stop("r", "client", grace=PATIENCE)
        await engine.stop("r", "shutdown", grace=PATIENCE)
        assert await events_of(stand, "r") == before

        await engine.stop("r", "user")
        assert (await events_of(stand, "r")).count("stop_requested") == 2
        assert (await state_of(stand, "r")).stop_cause == "user"


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
