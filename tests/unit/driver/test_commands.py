"""Commands of a server, carried out on an engine: their order, their errors and their pictures."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from atlas_mcp.atlas.events import Record, StopRequested
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.state import RunState
from atlas_mcp.driver import commands, turns
from atlas_mcp.driver.commands import CommandServer
from atlas_mcp.errors import JournalBusy
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
from atlas_mcp.runs.engine import Engine, ExploreFurther, ResumeRun, Submission
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.testing.held_model import HeldModel, agreeing
from tests.support.drivers import PipedDrivers, local_engine
from tests.support.opened_runs import client_opening, opening


@dataclass
class Place:
    """A run's place in line."""

    where: str | None


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
    drivers = PipedDrivers(lambda: SqliteJournal(home), HeldModel(agreeing))
    async with local_engine(drivers) as engine, served(engine, drivers.model) as server:
        yield server


@asynccontextmanager
async def served(engine: Engine, model: HeldModel | None = None) -> AsyncGenerator[Server]:
    theirs, out = os.pipe()
    incoming, their_out = os.pipe()
    driver, server = Pipes(theirs, their_out), Pipes(incoming, out)
    try:
        async with anyio.create_task_group() as tasks:
            for pipes in (driver, server):
                tasks.start_soon(pipes.write)
            tasks.start_soon(CommandServer(engine, driver).serve)
            async with aclosing(server.lines()) as lines:
                yield Server(server, lines, model or HeldModel(agreeing))
            tasks.cancel_scope.cancel()
    finally:
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


@pytest.mark.parametrize("submission", [ResumeRun(), ExploreFurther(None, ExploreRequest())])
async def test_no_call_begins_once_a_stop_that_came_later_is_answered(
    submission: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the run until both have come."""
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.0)
    other = SqliteJournal(tmp_path)
    first, *more = client_opening().events
    lease = await other.open_run("r", Record(1, 1.0, first))
    events = [*more, StopRequested("client")]
    await other.append(lease, [Record(seq, 1.0, event) for seq, event in enumerate(events, 2)])
    async with a_server(tmp_path) as server:
        server.model.hold()
        server.tell(Submit.of(1, "r", submission), Stop(2, "r", "user", 0.0))
        refused = await server.hear(Refused)
        assert refused.number == 1
        assert isinstance(refused.cause, JournalBusy)
        assert "'r' was stopped while this waited" in str(refused.cause)
        await other.release(lease)
        assert await server.hear(Done) == Done(2)
        server.tell(Follow(3, "r"))
        assert await server.hear(Done) == Done(3, value=False)
        assert server.model.arrived == 0
    await other.aclose()


async def test_a_stop_comes_after_each_of_several_openings(tmp_path: Path) -> None:
    async with a_server(tmp_path) as server:
        server.model.hold()
        opened = [Submit.of(number, "r", opening()) for number in (1, 2)]
        server.tell(*opened, Stop(3, "r", "user", 0.0))
        answers = [await server.hear(Done) for _ in range(3)]
        assert answers[-1] == Done(3)
        assert {answer.number for answer in answers} == {1, 2, 3}
        server.tell(Follow(4, "r"))
        assert await server.hear(Done) == Done(4, value=False)


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


async def test_tokens_and_the_place_in_line_alone_make_a_picture_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "TOKENS_SECONDS", 0.001)
    place = Place("third")
    state = RunState.fold([Record(1, 1.0, opening().events[0])])
    live = LiveRun("r", state, stored=1, here=True, place=place)

    @asynccontextmanager
    async def follow(run_id: str) -> AsyncGenerator[LiveRun]:
        yield live

    engine = cast("Engine", SimpleNamespace(follow=follow))
    async with served(engine) as server:
        server.tell(Follow(1, "r"))
        shown = await server.hear(Shown)
        assert (shown.tokens, shown.waiting) == ({}, "third")
        live.count_tokens("solver 1", 7)
        assert (await server.hear(Shown)).tokens == {"solver 1": 7}
        place.where = None
        assert (await server.hear(Shown)).waiting is None
        server.tell(Unfollow(1))
