"""A driver as its server sees it: commands go in, answers come out, and its end is noticed.

Owns the numbers of commands and which answer belongs to which. Decides nothing about runs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import anyio.abc
import anyio.to_thread

from atlas_mcp import __version__
from atlas_mcp.errors import AtlasError
from atlas_mcp.runs.detached.messages import (
    QUICK_BYTES,
    Answer,
    Command,
    Done,
    Follow,
    Hello,
    Logged,
    Ready,
    Refused,
    Shown,
    Stop,
    Submit,
    Unfollow,
    Unready,
    answer_on,
    decoded,
    encode,
)
from atlas_mcp.runs.detached.pipes import Pipes

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""Seconds in which a driver must have begun: it loads all that its runs may need, on machines that
may be busy."""


class DriverNotStarted(AtlasError):
    """No driver could be started, or it could not begin."""


class DriverUnlike(DriverNotStarted):
    """A driver that is started now is not like this process: of another version, for one."""


class DriverGone(AtlasError):
    """The driver has ended; whether it has taken a command is to be looked up."""


class DriverSilent(AtlasError):
    """The driver lives and does not answer: it may be frozen."""


class Started(Protocol):
    """A driver that was just started, at the other end of two pipes."""

    @property
    def commands(self) -> int:
        """The descriptor that commands are written to."""
        ...

    @property
    def answers(self) -> int:
        """The descriptor that answers are read from."""
        ...


@dataclass(slots=True, eq=False)
class Showing:
    """The newest picture of a run from its driver. Older ones that were not read are dropped."""

    number: int
    here: bool = False
    _newest: Shown | None = None
    _ended: bool = False
    _bell: anyio.Event = field(default_factory=anyio.Event)

    def take(self, shown: Shown | None) -> None:
        """Take a further picture; `None` for the end of the driver."""
        self._newest, self._ended = shown or self._newest, shown is None
        self._bell.set()

    async def next(self) -> Shown | None:
        """Return the next picture, waiting for it; `None` once the driver has ended."""
        while self._newest is None and not self._ended:
            self._bell = anyio.Event()
            await self._bell.wait()
        shown, self._newest = self._newest, None
        return shown


@dataclass(slots=True, eq=False)
class _Reply:
    came: anyio.Event = field(default_factory=anyio.Event)
    answer: Done | Refused | None = None


@dataclass(slots=True, eq=False)
class DriverProcess:
    """A driver that has been started. Made by `start_driver`.

    Attributes:
        ready: Its first message; `None` before.
        ended: Set once its pipe has ended, so that it takes no command any more.
        parted: Whether this side has closed the pipes.
    """

    pipes: Pipes
    ready: Ready | None = None
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    parted: bool = field(init=False, default=False)
    _began: anyio.Event = field(init=False, default_factory=anyio.Event)
    _unready: str = field(init=False, default="it ended before it had begun")
    _last: int = field(init=False, default=0)
    _replies: dict[int, _Reply] = field(init=False, default_factory=dict[int, _Reply])
    _showings: dict[int, Showing] = field(init=False, default_factory=dict[int, Showing])

    def number(self) -> int:
        """Return the number of the next command."""
        self._last += 1
        return self._last

    async def ask(self, command: Submit | Stop | Follow, *, seconds: float) -> bool:
        """Send a command, and return the result that the driver answers.

        Raises:
            AtlasError: The driver refuses it.
            DriverGone: The driver has ended.
            DriverSilent: There was no answer in time.
        """
        reply = self._replies[command.number] = _Reply()
        try:
            if self.ended.is_set():
                raise DriverGone("the process that drives the runs has ended")
            await self._send(command)
            with anyio.move_on_after(seconds):
                await reply.came.wait()
        finally:
            del self._replies[command.number]
        match reply.answer:
            case Done(value=value):
                return value
            case Refused() as refused:
                raise refused.cause
            case None if self.ended.is_set():
                raise DriverGone("the process that drives the runs has ended")
            case None:
                raise DriverSilent(
                    "the process that drives the runs has given no answer within "
                    f"{seconds:.0f} s; it may be suspended"
                )

    def tell(self, command: Command) -> None:
        """Send a command without waiting for its answer."""
        self.pipes.send(encode(command))

    @asynccontextmanager
    async def following(self, run_id: str, *, seconds: float) -> AsyncGenerator[Showing]:
        """Be shown a run for the length of a block.

        Yields:
            Its pictures; `here` is false, and there are none, where the driver does not have the
            run, or gives no answer.
        """
        showing = Showing(self.number())
        self._showings[showing.number] = showing
        try:
            with suppress(DriverGone, DriverSilent):
                showing.here = await self.ask(Follow(showing.number, run_id), seconds=seconds)
            yield showing
        finally:
            del self._showings[showing.number]
            self.tell(Unfollow(showing.number))

    async def receive(self) -> None:
        """Take the driver's answers until it ends; run by a task."""
        try:
            async with aclosing(self.pipes.lines()) as lines:
                async for line in lines:
                    self._take(await decoded(line, answer_on))
        except ValueError:
            logger.exception("a driver of runs has answered with what is no answer")
        finally:
            self.close()

    async def begun(self, settings: str) -> Ready:
        """Return the driver's first message, once it takes commands.

        Args:
            settings: The digest of the configuration of this process.

        Raises:
            DriverNotStarted: It cannot begin, or takes too long.
            DriverUnlike: It is of another version, or has another configuration.
        """
        with anyio.move_on_after(START_SECONDS) as patience:
            await self._began.wait()
        if self.ready is None:
            self.part()
            too_late = f"it has not begun within {START_SECONDS:.0f} s"
            raise DriverNotStarted(too_late if patience.cancelled_caught else self._unready)
        if (unlike := _unlike(self.ready, settings)) is not None:
            self.part()
            raise DriverUnlike(f"{unlike}; start the server again")
        return self.ready

    def part(self) -> None:
        """Close the pipes: the driver finishes what was promised, and ends."""
        self.parted = True
        self.close()

    def close(self) -> None:
        """Take no answer any more, and have all that wait for one find the driver gone."""
        self.pipes.close()
        self.ended.set()
        self._began.set()
        for reply in self._replies.values():
            reply.came.set()
        for showing in self._showings.values():
            showing.take(None)

    async def _send(self, command: Submit | Stop | Follow) -> None:
        # A submission may hold pictures of megabytes.
        line = await anyio.to_thread.run_sync(encode, command) if _is_long(command) else None
        self.pipes.send(line or encode(command))

    def _take(self, answer: Answer) -> None:
        match answer:
            case Ready():
                self.ready = answer
                self._began.set()
            case Unready():
                self._unready = answer.reason
            case Done() | Refused():
                if (reply := self._replies.get(answer.number)) is not None:
                    reply.answer = answer
                    reply.came.set()
            case Shown():
                if (showing := self._showings.get(answer.number)) is not None:
                    showing.take(answer)
            case Logged():
                logging.getLogger(answer.name).log(answer.level, "%s", answer.text)


async def start_driver(
    start: Callable[[], Started],
    owner: str,
    tasks: anyio.abc.TaskGroup,
    *,
    settings: str,
    stays: bool = False,
) -> DriverProcess:
    """Start a driver, and return it once it takes commands.

    Args:
        start: Starts the process; raises `OSError` where that fails.
        owner: The name under which this process stores its callers.
        tasks: Reads and writes its pipes.
        settings: The digest of the configuration of this process.
        stays: Whether its pipes are kept until it ends, also where the tasks are cancelled.

    Raises:
        DriverNotStarted: It could not be started.
    """
    try:
        started = await anyio.to_thread.run_sync(start)
    except OSError as error:
        raise DriverNotStarted(str(error)) from error
    driver = DriverProcess(Pipes(started.answers, started.commands))
    tasks.start_soon(_run, driver.receive, stays, name="answers of the driver")
    tasks.start_soon(_run, driver.pipes.write, stays, name="commands to the driver")
    driver.tell(Hello(owner))
    try:
        await driver.begun(settings)
    except BaseException:
        driver.part()
        raise
    return driver


def _unlike(ready: Ready, settings: str) -> str | None:
    """Return in which way a driver is another one than this process would have; `None` for none."""
    if ready.version != __version__:
        return f"version {ready.version} was installed meanwhile, and this is {__version__}"
    if ready.settings != settings:
        return "its configuration was changed since this server started"
    return None


async def _run(task: Callable[[], Awaitable[None]], shielded: bool) -> None:
    # bounded: by the end of the driver, which follows the end of its input
    with anyio.CancelScope(shield=shielded):
        await task()


def _is_long(command: Submit | Stop | Follow) -> bool:
    problem = getattr(getattr(command, "submission", None), "problem", None)
    return problem is not None and bool(problem.images or len(problem.text) > QUICK_BYTES)
