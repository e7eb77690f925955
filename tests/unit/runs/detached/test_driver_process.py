"""A driver as its server sees it: which answer belongs to which command, and its end."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp import __version__
from atlas_mcp.errors import UnknownRun
from atlas_mcp.runs.detached import driver_process
from atlas_mcp.runs.detached.driver_process import (
    DriverGone,
    DriverNotStarted,
    DriverProcess,
    DriverSilent,
    start_driver,
)
from atlas_mcp.runs.detached.messages import (
    Answer,
    Done,
    Logged,
    Ready,
    Refused,
    Shown,
    Stop,
    Unready,
    encode,
)
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.testing.outcomes import error_of


@dataclass
class OtherEnd:
    """The driver's end of the pipes."""

    pipes: Pipes

    def say(self, *answers: Answer) -> None:
        for answer in answers:
            self.pipes.send(encode(answer))


@asynccontextmanager
async def a_driver(*first: Answer) -> AsyncGenerator[tuple[DriverProcess, OtherEnd]]:
    """Yield a driver that was started, and the other end of its pipes."""
    theirs, commands = os.pipe()
    answers, their_answers = os.pipe()
    other = OtherEnd(Pipes(theirs, their_answers))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other.pipes.write)
        driver = DriverProcess(Pipes(answers, commands))
        tasks.start_soon(driver.receive)
        tasks.start_soon(driver.pipes.write)
        other.say(*first)
        try:
            yield driver, other
        finally:
            driver.part()
            other.pipes.close()


READY = Ready(1, __version__, outlives=True, settings="same")


async def test_each_command_gets_its_own_answer() -> None:
    async with a_driver(READY) as (driver, other):
        await driver.begun("same")
        results: dict[str, bool] = {}

        async def ask(name: str, number: int) -> None:
            command = Stop(number, name, "user", 0.0)
            results[name] = await driver.ask(command, seconds=10)

        async with anyio.create_task_group() as asking:
            asking.start_soon(ask, "a", driver.number())
            asking.start_soon(ask, "b", driver.number())
            await anyio.wait_all_tasks_blocked()
            other.say(Done(2, value=False), Done(77), Done(1))
        assert results == {"a": True, "b": False}


async def test_a_refusal_is_raised_as_the_driver_meant_it() -> None:
    async with a_driver(READY) as (driver, other):
        other.say(Refused.of(1, UnknownRun("r")))
        command = Stop(driver.number(), "r", "user", 0.0)
        assert isinstance(await error_of(driver.ask(command, seconds=10)), UnknownRun)


async def test_the_end_of_a_driver_ends_every_wait() -> None:
    errors: list[object] = []
    async with a_driver(READY) as (driver, other):
        await driver.begun("same")
        async with driver.following("r", seconds=0.01) as showing:
            assert not showing.here, "no answer came"
            command = Stop(driver.number(), "r", "user", 0.0)
            async with anyio.create_task_group() as asking:

                async def ask() -> None:
                    errors.append(await error_of(driver.ask(command, seconds=60)))

                asking.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                other.pipes.close()
            assert await showing.next() is None
        assert [type(error) for error in errors] == [DriverGone]
        assert isinstance(await error_of(driver.ask(command, seconds=60)), DriverGone)
        assert not driver.parted


async def test_a_silent_driver_is_not_waited_for_without_a_bound() -> None:
    async with a_driver(READY) as (driver, _):
        command = Stop(driver.number(), "r", "user", 0.0)
        assert isinstance(await error_of(driver.ask(command, seconds=0.01)), DriverSilent)


async def test_of_the_pictures_that_were_not_looked_at_the_newest_is_left() -> None:
    async with a_driver(READY) as (driver, other):
        other.say(Done(1), *(Shown(1, seq, done=False, tokens={}) for seq in (1, 2, 3)))
        async with driver.following("r", seconds=10) as showing:
            other.say(Shown(1, 4, done=True, tokens={}))
            seen = 0
            while seen < 4:
                shown = await showing.next()
                assert shown is not None
                assert shown.stored > seen
                seen = shown.stored


async def test_its_log_comes_out_in_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with a_driver(READY, Logged("atlas_mcp.runs.x", 30, "100 % of it")) as (driver, other):
        other.say(Done(1))
        await driver.ask(Stop(driver.number(), "r", "user", 0.0), seconds=10)
    assert ("atlas_mcp.runs.x", 30, "100 % of it") in caplog.record_tuples


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ((Unready("ATLAS_HOME is a file"),), "ATLAS_HOME is a file"),
        ((), "it has not begun within"),
        (
            (Ready(1, "0.0.1", outlives=True, settings="same"),),
            "version 0.0.1 was installed meanwhile",
        ),
        (
            (replace(READY, settings="other"),),
            "its configuration was changed since this server started; start the server again",
        ),
    ],
)
async def test_a_driver_that_cannot_begin_says_why(
    first: tuple[Answer, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_process, "START_SECONDS", 0.01 if not first else 10.0)
    async with a_driver(*first) as (driver, other):
        if first and isinstance(first[0], Unready):
            with anyio.move_on_after(10):
                while not driver.ended.is_set():
                    other.pipes.flush()
                    await anyio.lowlevel.checkpoint()
                    other.pipes.close()
        error = await error_of(driver.begun("same"))
        assert isinstance(error, DriverNotStarted)
        assert words in str(error)


async def test_a_system_that_starts_nothing_is_told() -> None:
    def start() -> driver_process.Started:
        raise OSError(12, "Cannot allocate memory")

    async with anyio.create_task_group() as tasks:
        error = await error_of(start_driver(start, "me", tasks, settings="same"))
        assert isinstance(error, DriverNotStarted)
        assert "Cannot allocate memory" in str(error)
