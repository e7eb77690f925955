"""Checks of `follow`: a run is shown as it becomes, wherever it is carried out."""

from __future__ import annotations

import anyio

from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.engine_conformance import (
    PATIENCE,
    Check,
    Stand,
    a_run,
    begin_held,
    checks_of,
    end_of,
    interrupt,
    state_of,
)


async def check_21_a_run_is_shown_to_its_end(stand: Stand) -> None:
    """Each change rings, and the last state is the one on record."""
    async with stand.open() as engine:
        stand.calls.hold()
        await engine.submit("r", a_run(stand))
        async with engine.follow("r") as live:
            await stand.calls.reach(2)
            assert not live.done
            stand.calls.release()
            with anyio.fail_after(PATIENCE):
                while live.state.finished is None:
                    await live.changed(live.changes)
                await live.finished()
            assert live.done
        assert await state_of(stand, "r") == live.state


async def check_22_another_engine_shows_the_records_as_they_come(stand: Stand) -> None:
    """It neither carries the run out nor ends with it."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        async with other.follow("r") as live:
            assert (live.here, live.done) == (False, False)
            assert len(live.state.explores) == 2
            stand.calls.release()
            with anyio.fail_after(PATIENCE):
                await live.finished()
            assert live.state.finished is not None
            assert live.state.finished.answer == "42"
        assert stand.calls.arrived == 3
        await end_of(driver, "r")


async def check_23_a_run_that_no_engine_carries_out_is_done(stand: Stand) -> None:
    """Whether it has ended or was left."""
    async with stand.open() as engine:
        await engine.submit("ended", a_run(stand))
        await end_of(engine, "ended")
        stand.calls.hold()
        await engine.submit("left", a_run(stand))
        await stand.calls.reach(5)
        await interrupt(stand, engine, "left")
        for run_id in ("ended", "left"):
            async with engine.follow(run_id) as live:
                assert live.done
                assert (live.state.finished is None) == (run_id == "left")
                assert not live.snapshot().driven


async def check_24_a_look_is_the_run_at_one_moment(stand: Stand) -> None:
    """The same from either engine while nothing changes."""
    async with stand.open() as driver, stand.open() as other:
        await begin_held(stand, driver)
        looks: list[RunSnapshot] = []
        for engine in (driver, other):
            async with engine.follow("r") as live:
                looks.append(live.snapshot())
        assert [look.status for look in looks] == ["running", "running"]
        assert looks[0].state == looks[1].state
        stand.calls.release()
        await end_of(driver, "r")


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
