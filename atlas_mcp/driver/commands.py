"""Carrying out a server's commands on the engine of this process.

Owns the pictures of runs that the server follows. `turns` orders the commands of each run.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import assert_never

import anyio
import anyio.abc

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.driver.preloading import preload_for
from atlas_mcp.driver.turns import Turn, Turns
from atlas_mcp.errors import AtlasError, JournalBusy
from atlas_mcp.runs.detached.messages import (
    Answer,
    Command,
    Done,
    Follow,
    Hello,
    Refused,
    Shown,
    Stop,
    Submit,
    Unfollow,
    UnstoredRecord,
    command_on,
    decoded,
    encode,
)
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.engine import Engine, OpenRun
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

TOKENS_SECONDS = 1.0
"""Seconds between pictures of a run while only its tokens or its place in line change."""

BUG = "the process that drives the runs has failed by a bug, which its log shows (driver.log)"


@dataclass(slots=True)
class CommandServer:
    """Carries out commands.

    Args:
        engine: Drives the runs.
        pipes: Lead to the server.

    Attributes:
        owner: The name under which the server stores its callers; `None` until it has said.
        ended: Set once the server is gone.
        settled: Set once no submission is under way after that.
    """

    engine: Engine
    pipes: Pipes
    owner: str | None = field(init=False, default=None)
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    settled: anyio.Event = field(init=False, default_factory=anyio.Event)
    _turns: Turns = field(init=False, default_factory=Turns)
    _follows: dict[int, anyio.CancelScope] = field(
        init=False, default_factory=dict[int, anyio.CancelScope]
    )

    async def serve(self) -> None:
        """Take commands until the server is gone, and return once all stops have been carried out.

        A submission that is still under way then is given up: its caller is gone too.
        """
        async with open_task_group() as stops:
            async with open_task_group() as others, aclosing(self.pipes.lines()) as lines:
                async for line in lines:
                    try:
                        self._take(await decoded(line, command_on), stops, others)
                    except ValueError:
                        logger.exception("a command of the server cannot be read")
                self.ended.set()
                others.cancel_scope.cancel("the server is gone")
            self.settled.set()

    def _take(
        self, command: Command, stops: anyio.abc.TaskGroup, others: anyio.abc.TaskGroup
    ) -> None:
        match command:
            case Hello():
                self.owner = command.owner
            case Submit():
                turn = self._turns.take(command)
                others.start_soon(self._submit, command, turn, name=f"submit {command.run_id}")
            case Stop():
                turn = self._turns.take(command)
                stops.start_soon(self._stop, command, turn, name=f"stop {command.run_id}")
            case Follow():
                scope = self._follows[command.number] = anyio.CancelScope()
                others.start_soon(self._show, command, scope, name=f"show {command.run_id}")
            case Unfollow():
                if (found := self._follows.get(command.number)) is not None:
                    found.cancel("the server looks no more")
            case _:
                assert_never(command)

    async def _submit(self, command: Submit, turn: Turn) -> None:
        try:
            answer: Answer = _given_up(command)
            with turn.scope:
                await turn.comes()
                answer = await self._result(command)
            self._answer(answer)
        finally:
            self._turns.end(turn)

    async def _stop(self, command: Stop, turn: Turn) -> None:
        try:
            await turn.comes()
        finally:
            # Before it is carried out: it may wait for another process, and later submissions
            # need not. They find it begun.
            self._turns.end(turn)
        self._answer(await self._result(command))

    async def _result(self, command: Submit | Stop) -> Answer:
        try:
            if isinstance(command, Submit):
                if isinstance(command.submission, OpenRun):
                    await preload_for(command.submission.spec)
                going = await self.engine.submit(command.run_id, command.submission)
                return Done(command.number, going)
            await self.engine.stop(command.run_id, command.cause, grace=command.grace)
            return Done(command.number)
        except AtlasError as error:
            return Refused.of(command.number, error)
        except Exception:
            logger.exception("run %s: a command has failed by a bug", command.run_id)
            return Refused.of(command.number, AtlasError(BUG))

    async def _show(self, command: Follow, scope: anyio.CancelScope) -> None:
        number, run_id = command.number, command.run_id
        try:
            with scope:
                async with self.engine.follow(run_id) as live:
                    here = live.here or live.broken is not None
                    self._answer(Done(number, here))
                    if here:
                        await self._show_on(number, live)
        except AtlasError as error:
            self._answer(Refused.of(number, error))
        except Exception:
            logger.exception("run %s cannot be shown, by a bug", run_id)
            self._answer(Refused.of(number, AtlasError(BUG)))
        finally:
            self._follows.pop(number, None)

    async def _show_on(self, number: int, live: LiveRun) -> None:
        while True:
            shown = _picture(number, live)
            self._answer(shown)
            if shown.done:
                return
            while _picture(number, live) == shown:
                changes, stored = live.changes, live.stored
                with anyio.move_on_after(TOKENS_SECONDS):
                    await live.news(changes, stored)

    def _answer(self, answer: Answer) -> None:
        self.pipes.send(encode(answer))


def _picture(number: int, live: LiveRun) -> Shown:
    unstored = tuple(
        UnstoredRecord(record.seq, record.at, encode_event(record.event))
        for record in (live.unstored if live.done else ())
    )
    return Shown(
        number,
        # Another process has written the records of a run that it has taken over.
        stored=live.stored if live.here else live.state.seq,
        done=live.done,
        tokens=dict(live.tokens),
        notice=live.notice,
        waiting=live.waiting,
        broken=live.broken if live.done else None,
        unstored=unstored,
    )


def _given_up(command: Submit) -> Refused:
    run_id = command.run_id
    return Refused.of(
        command.number,
        JournalBusy(
            f"run {run_id!r} was stopped while this waited for the process that drives it. Nothing "
            "was spent; ask again if it is to go on"
        ),
    )
