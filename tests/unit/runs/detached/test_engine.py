"""An engine whose runs are driven at the other end of pipes, and the ends of its driver."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalBusy, JournalError
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.detached import engine as detached
from atlas_mcp.runs.detached import keeper
from atlas_mcp.runs.engine import OpenRun, ResumeRun
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.outcomes import error_of
from tests.support.drivers import PipedDrivers
from tests.support.opened_runs import opening

PATIENCE = 10.0


@pytest.fixture
def drivers(tmp_path: Path) -> PipedDrivers:
    return PipedDrivers(lambda: SqliteJournal(tmp_path / "home"), HeldModel(agreeing))


async def test_tokens_and_records_reach_those_who_watch(drivers: PipedDrivers) -> None:
    async with drivers.engine() as engine:
        await engine.submit("r", opening())
        with anyio.fail_after(PATIENCE):
            async with engine.follow("r") as live:
                await live.finished()
                assert live.state.finished is not None
                assert not live.here, "it does not end with this process"
        assert engine.driven == ()
        assert engine.outlives


@pytest.mark.requirement("GONE-4")
async def test_a_driver_that_dies_leaves_its_runs_interrupted_and_another_resumes_them(
    drivers: PipedDrivers, caplog: pytest.LogCaptureFixture
) -> None:
    drivers.model.hold()
    async with drivers.engine() as engine:
        await engine.submit("r", opening())
        await drivers.model.reach(2)
        with anyio.fail_after(PATIENCE):
            async with engine.follow("r") as live:
                drivers.scopes[0].cancel()
                await live.finished()
                assert live.state.finished is None
                assert live.snapshot().status == "interrupted"
            drivers.model.release()
            assert await engine.submit("r", ResumeRun())
            async with engine.follow("r") as live:
                await live.finished()
                assert live.snapshot().status == "answered"
    assert len(drivers.scopes) == 2
    assert "has ended; runs that it drove are interrupted" in caplog.text


async def test_a_submission_of_unknown_outcome_is_looked_up_and_not_repeated(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with drivers.engine() as engine:
        opened = await engine.keeper.a_driver()

        async def dies(self: OpenRun, *arguments: object) -> None:
            drivers.scopes[0].cancel()
            await anyio.sleep_forever()

        monkeypatch.setattr("atlas_mcp.driver.commands.CommandServer._result", dies)
        with anyio.fail_after(PATIENCE):
            error = await error_of(engine.submit("r", opening()))
        assert isinstance(error, JournalError)
        assert "before it had opened this one" in str(error)
        assert not engine.keeper.lives
        assert opened is engine.keeper.driver
    assert drivers.model.arrived == 0


async def test_a_driver_that_does_not_answer_holds_up_nobody_for_ever(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(*arguments: object) -> None:
        await anyio.sleep_forever()

    async with drivers.engine() as engine:
        await engine.submit("r", opening())
        for bound in ("SUBMIT_SECONDS", "STOP_SECONDS", "FOLLOW_SECONDS"):
            monkeypatch.setattr(detached, bound, 0.01)
        monkeypatch.setattr("atlas_mcp.driver.commands.CommandServer._result", sleeps)
        monkeypatch.setattr("atlas_mcp.driver.commands.CommandServer._show", sleeps)
        with anyio.fail_after(PATIENCE):
            error = await error_of(engine.submit("s", opening()))
            assert isinstance(error, JournalBusy)
            assert "Look at the run with get_run" in str(error)
            assert isinstance(await error_of(engine.stop("s", "user")), JournalBusy)
            async with engine.follow("r") as live:
                assert isinstance(live.state, RunState)
        drivers.scopes[0].cancel()


async def test_a_caller_that_goes_while_its_run_is_opened_leaves_no_run_behind(
    drivers: PipedDrivers,
) -> None:
    drivers.model.hold()
    async with drivers.engine() as engine:
        await engine.keeper.a_driver()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.submit, "r", opening())
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE):
            # The stop comes after the opening, so the run has ended by the time it is answered.
            await engine.stop("r", "client")
            async with engine.follow("r") as live:
                await live.finished()
                assert live.state.stop_cause == "client" or live.state.finished is not None


@pytest.mark.parametrize("cancelled", [False, True], ids=["ended", "cancelled"])
async def test_a_process_whose_end_is_that_of_its_driver_waits_for_it(
    cancelled: bool,
    drivers: PipedDrivers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(keeper, "SOON_SECONDS", 0.0)
    drivers.model.hold()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            journal = drivers.make()
            # Its driver is a task of this process, and so in another group than the one cancelled.
            with anyio.CancelScope() as serving:
                async with drivers.engine(stays=True, drivers=tasks) as engine:
                    await journal.join(Caller("c", "r", "", 0.0), after_cut=False, since=0.0)
                    await journal.mark("c", "promised")
                    await engine.submit("r", opening())
                    await drivers.model.reach(2)

                    async def release() -> None:
                        while not engine.keeper.driver or not engine.keeper.driver.parted:
                            await anyio.lowlevel.checkpoint()
                        drivers.model.release()

                    tasks.start_soon(release)
                    if cancelled:
                        serving.cancel("the server ends")
                        await anyio.lowlevel.checkpoint()
            # By now the driver has ended.
            (run,) = await journal.list_runs()
            assert (run.status, run.driven) == ("answered", False)
            await journal.aclose()
    assert "stays until its driver has finished" in caplog.text
