"""The callers of this process: tool calls that wait for runs, in memory and in the journal.

Owns what becomes of a run whose caller was cut off: it is stopped, unless another caller wants it.
A caller is cut off once, or answered: with the end of its run, or with the promise that the run
goes on. The journal has the same, so that other processes know it; where it cannot be written, a
caller is answered all the same.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Literal, NamedTuple, TypeAlias

import anyio

from atlas_mcp.closing import last_act
from atlas_mcp.errors import JournalError, UnknownRun
from atlas_mcp.journal.clients import Caller, Callers, CallerState
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.snapshot import RunSnapshot

logger = logging.getLogger(__name__)

Joined: TypeAlias = Literal["in_flight", "goes_on", "handed_over"]
"""How a call came to the run of an identical one: it was in flight, it goes on after its client had
cut it off or its process had gone, or its end had not been received."""

WINDOW_SECONDS = 600.0
"""Seconds for which an identical call joins a run that was cut off, or whose end nobody received.
Our own choice: clients and models ask again within minutes, and a question that is asked later is
most likely meant anew."""

STOP_SECONDS = 2.0
"""Seconds for recording that a request has ended; its run stops meanwhile, recorded or not."""

ASK_SECONDS = 1.0
"""Seconds for asking the journal whether another caller wants a run. Where it does not answer, the
run is stopped: what nobody is known to wait for spends nothing."""

ENDS_KEPT = 1_000
"""Ends of runs that are known to be marked as received, so that each is marked once."""


@dataclass(slots=True, eq=False)
class RunCaller:
    """A tool call that waits for a run, or has waited.

    Attributes:
        caller_id: Its id in the journal.
        run_id: The run.
        asked_at: Unix seconds.
        waits: Whether it was neither answered nor cut off.
    """

    caller_id: str
    run_id: str
    asked_at: float
    waits: bool = True


class Entry(NamedTuple):
    """A caller as it was stored.

    Attributes:
        caller: The caller.
        joined: Whether it waits for the run of an identical one, and not for one of its own.
    """

    caller: RunCaller
    joined: bool


@dataclass(slots=True, kw_only=True)
class OwnCallers:
    """The tool calls of this process that wait for runs.

    Args:
        journal: Has the callers of all processes of the home.
        engine: Stops the runs.
        grace: Seconds that calls in flight get where a run is stopped.
        promises: Whether a promise outlives the process that made it.
        clock: Gives the Unix time, seconds.
    """

    journal: Callers
    engine: Engine
    grace: float
    promises: bool = True
    clock: Callable[[], float] = time.time
    _waiting: set[RunCaller] = field(init=False, default_factory=set[RunCaller])
    # Callers that are being cut off, and a bell for those who wait for their end.
    _cuts: int = field(init=False, default=0)
    _bell: anyio.Event = field(init=False, default_factory=anyio.Event)
    # The runs of which a caller here was told that they go on, until their end is seen: known also
    # while the journal cannot be asked. The oldest first.
    _promised: dict[str, None] = field(init=False, default_factory=dict[str, None])
    # By run and its last record, since a run that is resumed ends again; the oldest first. The
    # callers that asked until that time are marked.
    _received: dict[tuple[str, int], float] = field(
        init=False, default_factory=dict[tuple[str, int], float]
    )

    @property
    def waiting(self) -> tuple[RunCaller, ...]:
        """The callers that were neither answered nor cut off."""
        return tuple(self._waiting)

    async def add(self, run_id: str, digest: str = "", *, after_cut: bool = False) -> Entry:
        """Store a caller under the run of an identical one, or under a run of its own.

        Args:
            run_id: The run that it waits for where it joins none.
            digest: Of its request; an empty one joins nothing.
            after_cut: Whether only the run of a caller that was cut off is joined.

        Raises:
            JournalError: It could not be stored.
        """
        since = self.clock() - WINDOW_SECONDS
        return await self._add(run_id, digest, after_cut=after_cut, since=since)

    async def add_fresh(self, run_id: str, digest: str) -> Entry:
        """Store a caller under a run of its own; later identical ones may join it.

        Raises:
            JournalError: It could not be stored.
        """
        # No caller was cut off after the end of time.
        return await self._add(run_id, digest, after_cut=True, since=inf)

    async def _add(self, run_id: str, digest: str, *, after_cut: bool, since: float) -> Entry:
        caller = RunCaller(secrets.token_hex(8), run_id, self.clock())
        stored = Caller(caller.caller_id, run_id, digest, caller.asked_at)
        joined = await self.journal.join(stored, after_cut=after_cut, since=since)
        caller.run_id = joined or run_id
        self._waiting.add(caller)
        return Entry(caller, joined is not None)

    async def drop(self, caller: RunCaller) -> None:
        """Forget a caller whose run was not opened, or does not go on because of it."""
        if self._settle(caller):
            await self._written(self.journal.drop, caller)

    async def part(self, caller: RunCaller) -> None:
        """Have a caller, and all that are identical to it, not wait for its run any more."""
        self._settle(caller)
        await self._written(self._marking("received"), caller)

    async def promise(self, caller: RunCaller) -> bool:
        """Note that a caller is about to be told that its run goes on: see `told`.

        Returns:
            Whether other processes know it.
        """
        return caller.waits and await self._written(self._marking("promised"), caller)

    def told(self, caller: RunCaller) -> None:
        """Note that a caller waits no more, since it was told that its run goes on."""
        self._settle(caller)
        self._promised[caller.run_id] = None
        while len(self._promised) > ENDS_KEPT:
            del self._promised[next(iter(self._promised))]

    async def receive(self, run: RunSnapshot, caller: RunCaller | None = None) -> None:
        """Note that a run which is not driven any more is about to be handed over.

        A run that its client has cut off, or that was interrupted, has no end to hand over: an
        identical call goes on with it.

        Args:
            run: The run.
            caller: The call that is answered with it; `None` for one that only looks.
        """
        if caller is not None and not caller.waits:
            return
        if is_end(run):
            await self._receive_end(run, caller)
        elif caller is not None:
            await self._written(self._marking("cut"), caller)
        if caller is not None:
            self._settle(caller)

    async def cut(self, caller: RunCaller, *, has_begun: bool = True) -> None:
        """Stop the run of a caller that was cut off, unless another caller wants it.

        A time-out looks the same as a cancel, so calls in flight get a grace. A caller that has
        been cancelled itself need not shield this.

        Args:
            caller: The caller.
            has_begun: Whether its request is carried out by the run, so that an identical one is
                answered by that run.
        """
        if not self._settle(caller):
            return
        self._cuts += 1
        try:
            written = False
            with last_act(f"noting that a caller of run {caller.run_id} has gone", ASK_SECONDS):
                # First: of two that go at once, the later one finds that nobody waits.
                cut = self._marking("cut") if has_begun else self.journal.drop
                written = await self._written(cut, caller)
            await self.stop_unless_wanted(caller.run_id, asks=written)
        finally:
            self._cuts -= 1
            self._ring()

    async def gone(self) -> None:
        """Return once no caller waits, and what follows from those that were cut off is on record.

        The journal is needed until then.
        """
        while self._waiting or self._cuts:
            await self._bell.wait()

    async def stop_unless_wanted(self, run_id: str, *, asks: bool = True) -> None:
        """Stop a run for which no caller waits, and of which none was told that it goes on.

        Args:
            run_id: The run.
            asks: Whether the journal is asked. Where it could not be told that a caller has gone,
                it has that caller still.
        """
        waits = any(other.run_id == run_id for other in self._waiting)
        wanted = waits or run_id in self._promised
        if asks and not wanted:
            with last_act(f"asking who waits for run {run_id}", ASK_SECONDS):
                wanted = await self._is_wanted(run_id)
        if not wanted:
            try:
                await self.stop(run_id)
            except UnknownRun:
                # It was never opened.
                return

    async def stop(self, run_id: str) -> None:
        """Stop a run because the request that wanted it has ended; nothing happens to an ended one.

        A caller that has been cancelled itself need not shield this.
        """
        with last_act(f"recording that run {run_id} was stopped", STOP_SECONDS):
            await self.engine.stop(run_id, "client", grace=self.grace)

    def _settle(self, caller: RunCaller) -> bool:
        """Note that a caller waits no more, and return whether it did."""
        waited, caller.waits = caller.waits, False
        self._waiting.discard(caller)
        self._ring()
        return waited

    def _ring(self) -> None:
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    async def _is_wanted(self, run_id: str) -> bool:
        try:
            found = await self.journal.wanted([run_id], promises=self.promises)
        except JournalError as error:
            logger.warning("whether another caller waits for run %s: %s", run_id, error)
            return False
        return found.get(run_id, False)

    async def _written(self, write: Callable[[str], Awaitable[None]], caller: RunCaller) -> bool:
        """Write the state of a caller, and return whether that could be done."""
        try:
            await write(caller.caller_id)
        except JournalError as error:
            logger.warning("the caller of run %s was not recorded: %s", caller.run_id, error)
            return False
        return True

    def _marking(self, state: CallerState) -> Callable[[str], Awaitable[None]]:
        return lambda caller_id: self.journal.mark(caller_id, state)

    async def _receive_end(self, run: RunSnapshot, caller: RunCaller | None) -> None:
        """Mark the callers that asked before the end of a run, and the one that is answered.

        Those that asked later have asked for more, and wait for another end of it.
        """
        self._promised.pop(run.run_id, None)
        end = (run.run_id, run.state.seq)
        until = run.state.finished_at or run.state.at
        if run.state.questions and not run.asking:
            # Their answers come after the end of the run, and are received with it.
            until = max(until, run.state.at)
        if caller is not None:
            until = max(until, caller.asked_at)
        if until <= self._received.get(end, 0.0):
            return
        try:
            await self.journal.receive(run.run_id, until=until)
        except JournalError as error:
            logger.warning("it was not recorded that run %s was received: %s", run.run_id, error)
            return
        self._received.pop(end, None)
        self._received[end] = until
        while len(self._received) > ENDS_KEPT:
            del self._received[next(iter(self._received))]


def is_end(run: RunSnapshot) -> bool:
    """Return whether a run has come to an end that a caller can be handed."""
    if run.broken is not None or run.status in ("running", "interrupted"):
        return False
    return not run.was_cut
