"""Carrying out a server's commands on the engine of this process.

Owns the order of an opening and a stop, and the pictures of runs that the server follows.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import anyio
import anyio.abc

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.driver.preloading import preload_for
from atlas_mcp.errors import AtlasError
from atlas_mcp.off_loop import off_loop
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
    UnstoredRecord,
    command_on,
    encode,
)
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.engine import Engine, OpenRun
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

TOKENS_SECONDS = 1.0
"""Seconds between pictures of a run while only the tokens of its calls change."""

QUICK_BYTES = 50_000
"""Bytes of a command that is read on the event loop."""

BUG = "the process that drives the runs has failed by a bug, which its log shows (driver.log)"


@dataclass(slots=True)
class CommandServer:
    """Carries out commands.

    Args:
        engine: Drives the runs.
        pipes: Lead to the server.
    """

    engine: Engine
    pipes: Pipes
    # Runs that are being opened: a stop of one must find it opened.
    _openings: dict[str, anyio.Event] = field(init=False, default_factory=dict[str, anyio.Event])
    _follows: dict[int, anyio.CancelScope] = field(
        init=False, default_factory=dict[int, anyio.CancelScope]
    )

    async def serve(self) -> None:
        """Take commands until the server is gone, and return once all stops have been carried out.

        A submission that is still under way then is given up: its caller is gone too.
        """
        async with (
            open_task_group() as stops,
            open_task_group() as others,
            aclosing(self.pipes.lines()) as lines,
        ):
            async for line in lines:
                try:
                    self._take(await _read(line), stops, others)
                except ValueError:
                    logger.exception("a command of the server cannot be read")
            others.cancel_scope.cancel("the server is gone")

    def _take(
        self, command: Command, stops: anyio.abc.TaskGroup, others: anyio.abc.TaskGroup
    ) -> None:
        match command:
            case Submit(opening=OpenRun(), run_id=run_id) if run_id not in self._openings:
                opened = self._openings[run_id] = anyio.Event()
                others.start_soon(self._open, command, opened, name=f"open {run_id}")
            case Submit():
                others.start_soon(self._carry_out, command, name="submit")
            case Stop():
                stops.start_soon(self._carry_out, command, name="stop")
            case Follow():
                scope = self._follows[command.number] = anyio.CancelScope()
                others.start_soon(self._show, command, scope, name=f"show {command.run_id}")
            case Unfollow():
                if (found := self._follows.get(command.number)) is not None:
                    found.cancel("the server looks no more")
            case _:
                assert_never(command)

    async def _open(self, command: Submit, opened: anyio.Event) -> None:
        try:
            await self._carry_out(command)
        finally:
            del self._openings[command.run_id]
            opened.set()

    async def _carry_out(self, command: Submit | Stop) -> None:
        if isinstance(command, Stop) and (opened := self._openings.get(command.run_id)):
            await opened.wait()
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
            changes, stored = live.changes, live.stored
            shown = _picture(number, live)
            self._answer(shown)
            if shown.done:
                return
            tokens = dict(live.tokens)
            while (live.changes, live.stored) == (changes, stored) and live.tokens == tokens:
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


async def _read(line: bytes) -> Command:
    if len(line) <= QUICK_BYTES:
        return command_on(line)
    return await off_loop("bodies", partial(command_on, line))
