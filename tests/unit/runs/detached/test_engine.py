"""An engine whose runs are driven at the other end of pipes, and the ends of its driver."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import ServerSettings
from atlas_mcp.driver import commands
from atlas_mcp.errors import InvalidInput, JournalBusy, JournalError, UnknownRun
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.runs.detached import engine as detached
from atlas_mcp.runs.detached import keeper
from atlas_mcp.runs.detached.driver_process import DriverProcess, Showing
from atlas_mcp.runs.detached.engine import DetachedEngine
from atlas_mcp.runs.detached.messages import Follow, Stop, Submit
from atlas_mcp.runs.engine import OpenRun, ResumeRun, Submission
from atlas_mcp.runs.local.engine import LocalEngine
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.outcomes import error_of
from tests.support.drivers import PipedDrivers
from tests.support.opened_runs import opening

PATIENCE = 10.0


@pytest.fixture
def drivers(tmp_path: Path) -> PipedDrivers:
    return PipedDrivers(lambda: SqliteJournal(tmp_path / "home"), HeldModel(agreeing))


class Writing(HeldModel):
    """A model that has written some tokens before its calls are held back."""

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        if on_tokens is not None:
            on_tokens(7)
        return await HeldModel.generate(self, request, on_tokens=on_tokens, on_usage=on_usage)


async def test_tokens_and_records_reach_those_who_watch(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TOKENS_SECONDS", 0.001)
    drivers.model = Writing(agreeing)
    drivers.model.hold()
    async with drivers.engine() as engine:
        await engine.submit("r", opening())
        with anyio.fail_after(PATIENCE):
            async with engine.follow("r") as live:
                while len(live.tokens) < 2:
                    await live.changed(live.changes)
                assert set(live.tokens.values()) == {7}
                drivers.model.release()
                await live.finished()
                assert live.state.finished is not None
                assert live.tokens == {}
                assert not live.here, "it does not end with this process"
        assert engine.driven == ()


async def test_what_a_run_outlives_is_known_while_its_driver_lives(drivers: PipedDrivers) -> None:
    async with drivers.engine() as engine:
        first = await engine.keeper.a_driver()
        assert isinstance(first, DriverProcess)
        assert engine.outlives
        drivers.scopes[0].cancel()
        await first.ended.wait()
        assert not engine.outlives


async def test_nothing_but_a_user_has_a_driver_started_for_a_stop(drivers: PipedDrivers) -> None:
    async with drivers.engine() as engine:
        first = await engine.keeper.a_driver()
        assert isinstance(first, DriverProcess)
        drivers.scopes[0].cancel()
        await first.ended.wait()
        await engine.stop("r", "client", grace=1.0)
        await engine.stop("r", "shutdown")
        assert len(drivers.scopes) == 1
        assert isinstance(await error_of(engine.stop("r", "user")), UnknownRun)
        assert len(drivers.scopes) == 2


async def left_off(drivers: PipedDrivers, engine: DetachedEngine) -> None:
    """Have a run that was handed to a driver, which has it no more and could resume it."""
    drivers.model.hold()
    await engine.submit("r", opening())
    await engine.stop("r", "client")
    # Not through the engine, which forgets who had a run that it finds ended.
    journal = drivers.make()
    async with aclosing(journal.follow("r", after=0)) as news:
        while (await anext(news)).driven:
            pass
    await journal.aclose()


async def test_a_look_that_began_before_a_resumption_does_not_hide_the_run(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with drivers.engine() as engine:
        await left_off(drivers, engine)

        @asynccontextmanager
        async def answered_late(
            self: DriverProcess, run_id: str, *, seconds: float
        ) -> AsyncGenerator[Showing]:
            assert await engine.submit("r", ResumeRun())
            yield Showing(99)

        with monkeypatch.context() as patch:
            patch.setattr(DriverProcess, "following", answered_late)
            async with engine.follow("r"):
                pass
        async with engine.follow("r") as live:
            assert live.beside


async def test_a_look_before_a_resumption_is_carried_out_does_not_hide_the_run(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = DriverProcess.ask

    async def looked_at_first(
        self: DriverProcess, command: Submit | Stop | Follow, *, seconds: float
    ) -> bool:
        if isinstance(command, Submit):
            async with engine.follow("r") as live:
                assert not live.beside
        return await ask(self, command, seconds=seconds)

    async with drivers.engine() as engine:
        await left_off(drivers, engine)
        with monkeypatch.context() as patch:
            patch.setattr(DriverProcess, "ask", looked_at_first)
            assert await engine.submit("r", ResumeRun())
        async with engine.follow("r") as live:
            assert live.beside


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
            assert "Look at run 's' with get_run" in str(error)
            assert isinstance(await error_of(engine.stop("s", "user")), JournalBusy)
            async with engine.follow("r") as live:
                assert isinstance(live.state, RunState)
        drivers.scopes[0].cancel()


async def test_a_caller_that_goes_while_its_run_is_opened_leaves_no_run_behind(
    drivers: PipedDrivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    drivers.model.hold()
    drivers.settings = ServerSettings(grace_s=60.0)
    came, may_open, stopped = anyio.Event(), anyio.Event(), anyio.Event()
    submit, stop = LocalEngine.submit, LocalEngine.stop
    stops: list[tuple[StopCause, float]] = []

    async def held(self: LocalEngine, run_id: str, submission: Submission) -> bool:
        came.set()
        await may_open.wait()
        return await submit(self, run_id, submission)

    async def noted(self: LocalEngine, run_id: str, cause: StopCause, *, grace: float) -> None:
        await stop(self, run_id, cause, grace=grace)
        stops.append((cause, grace))
        stopped.set()

    monkeypatch.setattr(LocalEngine, "submit", held)
    monkeypatch.setattr(LocalEngine, "stop", noted)
    with anyio.fail_after(PATIENCE):
        async with drivers.engine() as engine:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.submit, "r", opening())
                await came.wait()
                tasks.cancel_scope.cancel()
            may_open.set()
            await stopped.wait()
            assert stops == [("client", 60.0)]
            drivers.model.release()
            async with engine.follow("r") as live:
                await live.finished()
                assert live.state.stop_cause == "client"


@pytest.mark.parametrize("cancelled", [False, True], ids=["ended", "cancelled"])
async def test_a_process_whose_end_is_that_of_its_driver_waits_for_it(
    cancelled: bool,
    drivers: PipedDrivers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(keeper, "SOON_SECONDS", 0.0)
    drivers.model.hold()
    opened, ends = anyio.Event(), anyio.Event()
    journal = drivers.make()
    # Its driver is a task of this process, and so in another group than the one cancelled.
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as theirs:

            async def serve() -> None:
                async with drivers.engine(stays=True, drivers=theirs) as engine:
                    await journal.join(Caller("c", "r", "", 0.0), after_cut=False, since=0.0)
                    await journal.mark("c", "promised")
                    await engine.submit("r", opening())
                    await drivers.model.reach(2)
                    theirs.start_soon(release, engine)
                    opened.set()
                    await ends.wait()

            async def release(engine: DetachedEngine) -> None:
                while not engine.keeper.driver or not engine.keeper.driver.parted:
                    await anyio.lowlevel.checkpoint()
                drivers.model.release()

            async with anyio.create_task_group() as serving:
                serving.start_soon(serve)
                await opened.wait()
                if cancelled:
                    serving.cancel_scope.cancel("the server ends")
                else:
                    ends.set()
            # By now the driver has ended.
            (run,) = await journal.list_runs()
            assert (run.status, run.driven) == ("answered", False)
            await journal.aclose()
    assert "stays until its driver has finished" in caplog.text


async def test_a_refused_submission_is_not_remembered_and_forgets_nothing(
    drivers: PipedDrivers,
) -> None:
    drivers.model.hold()
    async with drivers.engine() as engine:
        for number in range(3):
            assert isinstance(
                await error_of(engine.submit(f"no-{number}", ResumeRun())), UnknownRun
            )
        assert engine._handed == {}  # pyright: ignore[reportPrivateUsage] - nothing else shows it
        await engine.submit("r", opening())
        await drivers.model.reach(2)
        error = await error_of(engine.submit("r", ResumeRun(max_explores=9)))
        assert isinstance(error, InvalidInput)
        async with engine.follow("r") as live:
            assert live.beside
        drivers.model.release()
