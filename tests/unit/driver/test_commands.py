"""Commands of a server, carried out on an engine: their order, their errors and their pictures."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.driver import commands
from atlas_mcp.driver.commands import CommandServer
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.detached.messages import (
    Answer,
    Command,
    Done,
    Follow,
    Refused,
    Shown,
    Stop,
    Submit,
    Unfollow,
    answer_on,
    encode,
)
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.testing.held_model import HeldModel, agreeing
from tests.support.drivers import PipedDrivers, local_engine
from tests.support.opened_runs import opening


class Server:
    """A server's end of the pipes."""

    def __init__(self, pipes: Pipes, lines: AsyncGenerator[bytes], model: HeldModel) -> None:
        self.pipes = pipes
        self.model = model
        self._lines = lines

    def tell(self, *told: Command) -> None:
        for command in told:
            self.pipes.send(encode(command))

    async def hear(self, kind: type[Answer]) -> Any:
        """Return the next answer of a kind; others are passed over."""
        with anyio.fail_after(10):
            while not isinstance(answer := answer_on(await anext(self._lines)), kind):
                pass
        return answer


@asynccontextmanager
async def a_server(home: Path) -> AsyncGenerator[Server]:
    """Yield a server whose commands are carried out on an engine of this process."""
    theirs, out = os.pipe()
    incoming, their_out = os.pipe()
    driver, server = Pipes(theirs, their_out), Pipes(incoming, out)
    drivers = PipedDrivers(lambda: SqliteJournal(home), HeldModel(agreeing))
    async with local_engine(drivers) as engine, anyio.create_task_group() as tasks:
        for pipes in (driver, server):
            tasks.start_soon(pipes.write)
        tasks.start_soon(CommandServer(engine, driver).serve)
        async with aclosing(server.lines()) as lines:
            yield Server(server, lines, drivers.model)
            server.close()
            driver.close()


async def test_a_stop_that_comes_with_the_opening_finds_the_run_opened(tmp_path: Path) -> None:
    async with a_server(tmp_path) as server:
        server.model.hold()
        server.tell(Submit.of(1, "r", opening()), Stop(2, "r", "user", 0.0))
        assert await server.hear(Done) == Done(1)
        assert await server.hear(Done) == Done(2)
        server.tell(Follow(3, "r"))
        assert await server.hear(Done) == Done(3, value=False)


async def test_an_error_is_answered_and_a_bug_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_server(tmp_path) as server:
        server.tell(Stop(1, "nobody's", "user", 0.0), Follow(2, "nobody's"))
        answers = {(await server.hear(Refused)).number for _ in range(2)}
        assert answers == {1, 2}

        def breaks(self: Submit) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(Submit, "submission", property(breaks))
        server.tell(Submit.of(3, "r", opening()))
        refused = await server.hear(Refused)
        assert (refused.number, str(refused.cause)) == (3, commands.BUG)
    assert "RuntimeError: a bug" in caplog.text


async def test_a_line_that_is_no_command_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_server(tmp_path) as server:
        server.pipes.send(b'{"type":"dance"}\n')
        server.tell(Submit.of(1, "r", opening()))
        assert await server.hear(Done) == Done(1)
    assert "a command of the server cannot be read" in caplog.text


async def test_a_followed_run_is_shown_to_its_end_and_no_further(tmp_path: Path) -> None:
    async with a_server(tmp_path) as server:
        server.model.hold()
        server.tell(Submit.of(1, "r", opening()))
        await server.model.reach(2)
        server.tell(Follow(2, "r"))
        stored = (await server.hear(Shown)).stored
        server.model.release()
        while not (shown := await server.hear(Shown)).done:
            assert shown.stored >= stored
            stored = shown.stored
        assert (shown.broken, shown.unstored, shown.waiting) == (None, (), None)


async def test_tokens_alone_make_a_picture_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TOKENS_SECONDS", 0.01)
    async with a_server(tmp_path) as server:
        server.model.hold()
        server.tell(Submit.of(1, "r", opening()))
        await server.hear(Done)
        server.tell(Follow(2, "r"))
        while not (await server.hear(Shown)).stored:
            pass
        await server.model.reach(2)
        server.tell(Unfollow(2), Follow(3, "r"), Unfollow(3))
        server.model.release()
