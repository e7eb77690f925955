"""A driver without its server finishes what was promised, stops the rest, and ends."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.atlas.events import Record
from atlas_mcp.config.settings import ServerSettings
from atlas_mcp.driver import lifetime
from atlas_mcp.journal.clients import Caller, CallerState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs import demand
from atlas_mcp.testing.held_model import HeldModel, agreeing
from tests.support.drivers import PipedDrivers
from tests.support.opened_runs import opening


@pytest.fixture
def drivers(tmp_path: Path) -> PipedDrivers:
    return PipedDrivers(lambda: SqliteJournal(tmp_path / "home"), HeldModel(agreeing))


async def left(drivers: PipedDrivers, *states: CallerState, released: str | None = None) -> str:
    """Leave a run with callers in these states, and return its status once its driver has ended.

    Args:
        drivers: Drive it.
        states: Of its callers.
        released: The type of the event after which its calls are answered; `None` for never.
    """
    drivers.model.hold()
    journal = drivers.make()

    async def release() -> None:
        async for progress in journal.follow("r", after=0):
            if any(record.event.type == released for record in progress.records):
                drivers.model.release()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            async with drivers.engine() as engine:
                for number, state in enumerate(states):
                    await journal.join(Caller(str(number), "r", "", 0.0), after_cut=False, since=0)
                    await journal.mark(str(number), state)
                await engine.submit("r", opening())
                await drivers.model.reach(2)
                tasks.start_soon(release)
            tasks.cancel_scope.cancel()
    (run,) = await journal.list_runs()
    with anyio.CancelScope(shield=True):
        await journal.aclose()
    return run.status


async def test_a_promised_run_is_finished(drivers: PipedDrivers) -> None:
    assert await left(drivers, "promised", released="solver_started") == "answered"


@pytest.mark.parametrize("states", [(), ("cut",), ("received",), ("cut", "received")])
async def test_other_runs_are_stopped(
    drivers: PipedDrivers, states: tuple[CallerState, ...]
) -> None:
    assert await left(drivers, *states) == "cancelled"


async def test_a_promise_is_kept_beside_a_cut_call(drivers: PipedDrivers) -> None:
    assert await left(drivers, "promised", "cut", released="solver_started") == "answered"


@pytest.mark.requirement("GONE-13")
async def test_a_call_in_flight_gets_its_grace(drivers: PipedDrivers) -> None:
    drivers.settings = ServerSettings(grace_s=60.0)
    assert await left(drivers, "cut", released="stop_requested") == "cancelled"
    journal = drivers.make()
    types = [record.event.type for record in await journal.read("r")]
    await journal.aclose()
    assert types.count("solver_replied") == 2
    assert drivers.model.arrived == 2, "no call began after the stop"


async def test_a_stop_that_waits_for_a_frozen_process_holds_up_no_other(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "LAST_STOPS_SECONDS", 0.0)
    monkeypatch.setattr(demand, "LOOK_SECONDS", 3600.0)
    frozen = drivers.make()
    await frozen.open_run("its run", Record(1, 1.0, opening().events[0]))
    drivers.model.hold()
    with anyio.fail_after(10):
        async with drivers.engine() as engine:
            await engine.submit("r", opening())
            await drivers.model.reach(2)
            async with anyio.create_task_group() as asking:
                asking.start_soon(engine.stop, "its run", "user")
                while not await frozen.take_requests():
                    await anyio.lowlevel.checkpoint()
                asking.cancel_scope.cancel()
        statuses = {run.run_id: (run.status, run.driven) for run in await frozen.list_runs()}
    assert statuses == {"its run": ("running", True), "r": ("cancelled", False)}
    await frozen.aclose()


async def test_a_run_whose_last_caller_dies_is_stopped_while_the_server_lives(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "LOOK_SECONDS", 0.01)
    drivers.model.hold()
    async with drivers.engine() as engine:
        callers = drivers.make()
        await callers.join(Caller("c", "r", "", 0.0), after_cut=False, since=0.0)
        await engine.submit("r", opening())
        await drivers.model.reach(2)
        await callers.aclose()
        with anyio.fail_after(10):
            async with engine.follow("r") as live:
                await live.finished()
                assert live.state.stop_cause == "client"
