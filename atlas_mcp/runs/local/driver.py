"""The in-process driver: carries out a run's commands and records what comes of them.

Owns the only place where deciding meets doing. It decides nothing itself: whatever happened is
applied to the state, `atlas.policy.next_commands` says what follows from it, and the records of
both are made durable in one write, before any call they announce. A reply is made durable as soon
as it has arrived, before anything reads it, also when the run is being stopped.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TypeAlias

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.calls import (
    Failed,
    failure,
    is_light,
    solver_ended,
    turn_ended,
)
from atlas_mcp.atlas.events import (
    DayCapReached,
    Event,
    ExploresPlanned,
    ExploringClosed,
    HoldRaised,
    OrchestratorReplied,
    Record,
    RunFinished,
    SolverReplied,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.explore import FailureKind, SolverFailure
from atlas_mcp.atlas.holds import to_cover
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.policy import AskOrchestrator, Note, ReadReply, RunSolver, next_commands
from atlas_mcp.atlas.state import RunState, call_key
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge
from atlas_mcp.errors import (
    AtlasError,
    JournalBusy,
    JournalCorrupt,
    JournalError,
    JournalUnflushed,
    ModelError,
    ModelUnavailable,
)
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.models.base import Model, Notice, OnTokens, OnUsage
from atlas_mcp.models.pictures.fitting import fitted
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.retry import Retry, RetryPolicy, generate_with_retries, most_uncounted
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.day_cap import DayCap
from atlas_mcp.runs.local.reading import put_down, read_reply
from atlas_mcp.runs.snapshot import BrokenOff
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

IsUnderWay: TypeAlias = Callable[[], bool]
"""Whether what a block waits for has left, and may have been paid for."""

SYNTHESIS_SECONDS = 120.0
"""Seconds of the time limit that belong to the synthesis: no solver runs on into them."""

SYNTHESIS_SHARE = 4
"""The synthesis keeps at most one part in this many of the time limit."""

CLOSING_SECONDS = 0.1
"""Seconds that solvers get past the end of exploring, so that it is on record when they fail."""

SALVAGE_SECONDS = 2.0
"""Seconds for which records that the journal did not take are offered to it again."""

SALVAGE_RETRY_SECONDS = 0.1
"""Seconds between these offers."""


Ask: TypeAlias = RunSolver | AskOrchestrator
"""A command that is carried out by calling a model."""


@dataclass(slots=True)
class Driver:
    """Drives one run to its end.

    Args:
        live: The run, shared with those who watch it.
        lease: The right to append to it.
        journal: Where its records go.
        pool: Where its models come from.
        retries: How calls that were not answered are tried again.
        day_cap: The cap over all runs of the home on one day, if there is one; counts in any case.

    Attributes:
        lost: Whether the run was taken over, so that its state here may be ahead of its records.
        ended: Set once `drive` has returned.
    """

    live: LiveRun
    lease: Lease
    journal: Journal
    pool: Pool
    day_cap: DayCap
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    lost: bool = field(init=False, default=False)
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    # Open while calls may be made: after the run has its place, until nothing is left to do.
    _calls: anyio.abc.TaskGroup | None = field(init=False, default=None)
    _finished: anyio.Event = field(init=False, default_factory=anyio.Event)
    _explore_until: float = field(init=False, default=0.0)
    _end_at: float = field(init=False, default=0.0)
    _scope: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    # Of each open block, whether what it waits for is under way already.
    _open: dict[anyio.CancelScope, Callable[[], bool]] = field(
        init=False, default_factory=dict[anyio.CancelScope, Callable[[], bool]]
    )
    _stop_at: float = field(init=False, default=math.inf)
    _broken: JournalError | None = field(init=False, default=None)
    _unstored: list[Record] = field(init=False, default_factory=list[Record])
    # Handed to the journal, which has not answered yet; nothing cancels that but the run's end.
    _storing: list[Record] = field(init=False, default_factory=list[Record])
    _all_stored: anyio.Event = field(init=False, default_factory=anyio.Event)
    _cut_off: int = field(init=False, default=0)
    _reading: set[ReadReply] = field(init=False, default_factory=set[ReadReply])

    async def drive(self) -> None:
        """Carry out the run's commands until it has finished, is lost, or is to be resumed later.

        Raises:
            JournalError: A record could not be stored. No call followed it, those in flight were
                aborted, and `live.broken` says what became of the rest.
        """
        try:
            with self._scope:
                await self._carry_out()
        finally:
            await self._end_broken()
            if not self.lost:
                await self._settle_day(lambda: self._state.ledger.committed)
            self.ended.set()
        if self._broken is not None and not self.lost:
            raise self._broken

    async def _carry_out(self) -> None:
        await self.day_cap.begin()
        if not self.stopped:
            await self._prepare()
        # One that was stopped before it began may still have replies that nobody has read.
        if self.lost or _is_over(self._state):
            return
        self._set_deadlines()
        try:
            async with open_task_group() as calls:
                self._calls = calls
                calls.start_soon(self._close_exploring, name="deadline")
                await self._advance()
                await self._finished.wait()
                # A reply that came behind the end is paid for, and is being stored.
                await self._until_stored()
                calls.cancel_scope.cancel("the run has finished")
        finally:
            self._calls = None

    async def take_on(self, plan: Callable[[RunState], ExploresPlanned]) -> bool:
        """Add explores to a run that is under way; return whether it still was.

        Args:
            plan: Returns them for the run as it is; what it raises keeps the run as it is.

        Raises:
            JournalError: They could not be stored.
        """
        if self.stopped or self.ended.is_set():
            return False
        planned = plan(self._state)
        if self._calls is None:
            # It has not begun, and what it does first is to decide anew.
            log = _Log(self._state, self.live.clock)
            log.add(planned)
            await self._keep(log)
        else:
            await self._advance(planned)
        if self._broken is not None:
            raise self._broken
        return True

    async def stop(self, cause: StopCause, *, grace: float = 0.0) -> None:
        """Let no further call start. A later stop can only shorten the grace of an earlier one.

        Args:
            cause: Who asks. "shutdown" leaves the run to be resumed, the others end it.
            grace: Seconds that calls in flight get: their candidates can still be used.

        Raises:
            JournalError: The run was stopped, but that its user ended it could not be stored.
        """
        if self._state.finished is not None:
            return
        self._stop_at = min(self._stop_at, anyio.current_time() + grace)
        # Before anything is awaited: a journal that is slow must not prolong the grace.
        for scope, is_under_way in self._open.items():
            scope.deadline = min(scope.deadline, self._stop_at)
            if not is_under_way():
                # It waits for its turn, for a connection or for another attempt.
                scope.cancel("the run is to stop")
        before = self._state.stop_cause
        if before is None or (cause == "user" and before != "user"):
            await self._advance(StopRequested(cause))
            if cause == "user" and self._broken is not None:
                raise self._broken

    def give_up(self) -> None:
        """Drop the run where it stands: it has been taken over, and is no longer ours to write."""
        self.lost = True
        self._scope.cancel("the run has been taken over")

    def abort(self) -> None:
        """Leave the run where it stands, to be resumed, because a bug kept it from being stopped.

        What is in flight is dropped: that it was begun is on record.
        """
        self._scope.cancel("the run could not be stopped")

    @property
    def stopped(self) -> bool:
        """Whether no call of it is to start any more."""
        state = self._state
        return self.lost or state.finished is not None or state.stop_cause is not None

    @property
    def _state(self) -> RunState:
        return self.live.state

    def _set_deadlines(self) -> None:
        limit = self._state.budget.time_limit_s
        now = anyio.current_time()
        self._end_at = now + limit
        self._explore_until = self._end_at - min(SYNTHESIS_SECONDS, limit / SYNTHESIS_SHARE)

    async def _prepare(self) -> None:
        """Put embedded models in place; a run whose models cannot be had ends here."""
        spec = self._state.spec
        wanted = [entry.spec for entry in spec.solvers]
        if spec.orchestrator is not None:
            wanted.append(spec.orchestrator)
        limit = anyio.current_time() + self._state.budget.time_limit_s
        # Nothing of it is paid for, and what was fetched stays where it is.
        with self._stoppable(limit, is_under_way=lambda: False):
            try:
                await self.pool.prepare(wanted, on_notice=self.live.tell)
            except AtlasError as error:
                await self._advance(RunFinished("failed", "error", error=str(error)))
            finally:
                self.live.tell(None)
            return
        if self._state.finished is None and self._state.stop_cause is None:
            late = "The models were not ready within the run's time limit."
            await self._advance(RunFinished("failed", "deadline", error=late))

    async def _close_exploring(self) -> None:
        await anyio.sleep_until(self._explore_until)
        await self._advance(ExploringClosed())

    async def _advance(self, *events: Event) -> None:
        """Record what happened and what follows from it, then make the calls that follow.

        The state is ahead of the journal for a moment. That is safe, since records reach the
        journal in the order in which they were applied: nothing later is stored without them.
        """
        log = _Log(self._state, self.live.clock)
        log.add(*events)
        asks = self._decide(log)
        if asks and not self._is_covered(log.state):
            await self._cover(to_cover(log.state), *events)
            return
        if not await self._keep(log):
            return
        for command in asks:
            assert self._calls is not None, "a run asks nothing before it has begun"
            self._calls.start_soon(self._make, command, name=call_key(command.intent))
        # Of a run that broke off meanwhile, what was to be called is told apart by its stop.
        if _is_over(log.state if self._broken is None else self._state):
            self._finished.set()

    def _decide(self, log: _Log) -> list[Ask]:
        """Log what follows from what was logged, and return the calls that are to be made."""
        asks: list[Ask] = []
        while commands := next_commands(log.state):
            if isinstance(commands[0], ReadReply) and not _is_light(log.state, commands[0]):
                # Nothing else is to be done before it has been read.
                self._read_aside(log.state, commands[0])
                break
            for command in commands:
                if isinstance(command, Note):
                    log.add(command.event)
                elif isinstance(command, ReadReply):
                    log.add(self._read(log.state, command))
                else:
                    log.add(command.intent)
                    asks.append(command)
        return asks

    def _is_covered(self, state: RunState) -> bool:
        """Return whether the day's cap bears what a run has committed, and its synthesis."""
        return self.day_cap.cap is None or to_cover(state) <= self.day_cap.committed

    async def _settle_day(self, needed: Callable[[], Decimal]) -> None:
        await self.day_cap.settle(needed, spent=self._state.ledger.gone)

    def _needed_of_the_day(self) -> Decimal:
        """Return the US dollars to keep of the day's cap: for the synthesis only as far as had."""
        had = min(to_cover(self._state), self.day_cap.committed)
        return max(self._state.ledger.committed, had)

    async def _cover(self, usd: Decimal, *events: Event) -> None:
        """Record what happened, ask for the run's part of the day's cap, then decide anew."""
        cap = self.day_cap.cap
        assert cap is not None, "without a cap everything is covered"
        log = _Log(self._state, self.live.clock)
        log.add(*events)
        if not await self._keep(log):
            return
        try:
            granted = await self.day_cap.cover(usd, spent=self._state.ledger.gone)
        except JournalError as error:
            self._break_off(error)
            granted = None
        further = () if granted is None else (DayCapReached(granted, cap),)
        await self._advance(*further)

    async def _store(self, records: list[Record]) -> None:
        """Store records; where the journal does not take them, the run breaks off."""
        if self._broken is not None:
            self._unstored += records
            return
        with self._expecting(records):
            try:
                await self.journal.append(self.lease, records)
            except JournalBusy:
                self.give_up()
            except JournalError as error:
                if not isinstance(error, JournalUnflushed):
                    self._unstored += records
                self._break_off(error)
            except anyio.get_cancelled_exc_class():
                self._unstored += records
                raise

    @contextmanager
    def _expecting(self, records: list[Record]) -> Generator[None]:
        """Count records as handed to the journal while the block waits for its answer."""
        self._storing += records
        try:
            yield
        finally:
            self._storing = [one for one in self._storing if one not in records]
            if not self._storing:
                bell, self._all_stored = self._all_stored, anyio.Event()
                bell.set()

    async def _until_stored(self) -> None:
        """Return once the journal has answered for all records that it was handed."""
        while self._storing:
            await self._all_stored.wait()

    @property
    def unstored(self) -> tuple[int, int]:
        """How many records are shown and not known to be stored, and how many hold a reply."""
        records = [] if self.lost else [*self._storing, *self._unstored]
        return len(records), sum(_is_reply(record.event) for record in records)

    def _break_off(self, cause: JournalError) -> None:
        """Let no further call start, and abort those in flight: nothing of them could be stored."""
        if self._broken is not None:
            return
        self._broken = cause
        self.day_cap.know(str(cause))
        self._stop_at = anyio.current_time()
        for scope in self._open:
            scope.deadline = min(scope.deadline, self._stop_at)
        if self._state.stop_cause is None and self._state.finished is None:
            log = _Log(self._state, self.live.clock)
            log.add(StopRequested("shutdown"))
            self._unstored += log.records
            self.live.publish(log.state)

    async def _end_broken(self) -> None:
        """Offer the journal once more what it did not take, and say what is lost."""
        if self._broken is None:
            return
        with anyio.move_on_after(SALVAGE_SECONDS, shield=True):
            # That it is to stop is recorded by whoever stops it, maybe at this moment.
            await self._until_stored()
            self._unstored.sort(key=lambda record: record.seq)
            while self._unstored and not self.lost:
                try:
                    await self.journal.append(self.lease, self._unstored)
                except JournalBusy:
                    self.lost = True
                except JournalUnflushed:
                    self._unstored = []
                except JournalError:
                    await anyio.sleep(SALVAGE_RETRY_SECONDS)
                else:
                    self._unstored = []
        self.live.broken = BrokenOff(
            str(self._broken),
            self._unstored[0].seq - 1 if self._unstored else self._state.seq,
            sum(_is_reply(record.event) for record in self._unstored),
            self._cut_off,
            isinstance(self._broken, JournalCorrupt),
        )

    async def _keep(self, log: _Log) -> bool:
        """Show and store what was logged; return whether the run is still ours to write."""
        self.live.publish(log.state)
        await self._store(log.records)
        return not self.lost

    def _read(self, state: RunState, command: ReadReply) -> Event:
        return read_reply(self.live.run_id, state, command)

    def _read_aside(self, state: RunState, command: ReadReply) -> None:
        """Read a reply in a worker thread, unless that is being done already.

        Before the run has begun nothing is read: its records wait, and it begins by reading them.
        """
        if self._calls is not None and command not in self._reading:
            self._reading.add(command)
            self._calls.start_soon(self._read_in_thread, state, command, name="read a reply")

    async def _read_in_thread(self, state: RunState, command: ReadReply) -> None:
        # Abandoned on a cancel: it changes nothing, and its reply is on record.
        event = await anyio.to_thread.run_sync(self._read, state, command, abandon_on_cancel=True)
        self._reading.discard(command)
        await self._advance(event)

    async def _make(self, command: Ask) -> None:
        """Make a call; record what arrived as it arrived, then what follows from it."""
        if isinstance(command, RunSolver):
            spec = self._state.spec.solver(command.explore.solver).spec
            limit = anyio.current_time() + self._state.budget.solver_time_limit_s
            deadline = min(limit, self._explore_until + CLOSING_SECONDS)
        else:
            orchestrator = self._state.spec.orchestrator
            assert orchestrator is not None, "only a run with an orchestrator asks it"
            spec, deadline = orchestrator, self._end_at
        key = call_key(command.intent)
        arrived = await self._call(key, spec, command.request, deadline=deadline)
        if isinstance(command, RunSolver):
            ended = partial(solver_ended, command.intent.explore_id, arrived)
        else:
            ended = partial(turn_ended, command.intent.turn, arrived)
        event = await put_down(ended, arrived)
        log = _Log(self._state, self.live.clock)
        log.add(event)
        if await self._keep(log):
            await self._advance()
            await self._settle_day(self._needed_of_the_day)

    async def may_spend(self, key: str, lost: Decimal) -> bool:
        """Return whether a call may be made again that may have cost `lost` dollars for nothing."""
        more = to_cover(self._state) + lost
        try:
            covered = await self.day_cap.cover(more, spent=self._state.ledger.gone) is None
        except JournalError as error:
            self._break_off(error)
            # The call ends here, as its deadline has come: no cap refused it.
            await anyio.lowlevel.checkpoint()
            return False
        available = self._state.ledger.available
        if not covered or (available is not None and lost > available):
            return False
        await self._advance(HoldRaised(key, lost))
        return True

    async def _call(
        self, key: str, spec: ModelSpec, request: ModelRequest, *, deadline: float
    ) -> Reply | Failed:
        """Make one call under its deadline, and turn every end of it into a value."""
        if self._state.stop_cause is not None:
            # Decided before the stop, and not yet made: its records were still being written.
            return Failed(self._aborted(deadline))
        call = _Call(self, key, spec)
        with self._stoppable(deadline, is_under_way=lambda: call.under_way) as scope:
            try:
                return await call.make(request, scope)
            except ModelError as error:
                return call.failed(error)
            except AtlasError as error:
                return Failed(failure("rejected", str(error)))
            except Exception as error:
                # A bug, or a body that a client library trips over. It may have been billed, so it
                # is not asked for again.
                logger.exception("run %s: the call to %s failed", self.live.run_id, spec.model)
                what = f"the call failed in a way that is not foreseen ({type(error).__name__})"
                return call.broken_off(failure("malformed", f"{what}; the log says where"))
            finally:
                self.live.tokens.pop(key, None)
                self.live.tell(None)
        self._cut_off += self._broken is not None and call.under_way
        return call.aborted(self._aborted(deadline))

    @contextmanager
    def _stoppable(
        self, deadline: float, *, is_under_way: IsUnderWay
    ) -> Generator[anyio.CancelScope]:
        """Bound a block by a deadline, which `stop` may bring forward.

        Args:
            deadline: When it ends, in the time of the event loop.
            is_under_way: Whether the block gets the grace of a stop; else it ends with the stop.
        """
        with anyio.CancelScope(deadline=min(deadline, self._stop_at)) as scope:
            self._open[scope] = is_under_way
            try:
                yield scope
            finally:
                del self._open[scope]

    def _aborted(self, deadline: float) -> SolverFailure:
        if self._state.stop_cause is not None:
            return SolverFailure("cancelled", "the run was stopped while this call was open")
        late = "its time limit" if deadline < self._explore_until else "the run's time limit"
        return SolverFailure("timeout", f"no reply within {late}")


@dataclass(slots=True)
class _Call:
    """One call, its attempts together: what is known of it while it is open, and once it failed.

    Attributes:
        driver: Who makes it.
        key: Its name in the ledger.
        spec: Whom it asks.
        counted: What the vendor has counted so far.
        attempts: The model under this call; `None` before it is loaded.
    """

    driver: Driver
    key: str
    spec: ModelSpec
    counted: Charge = NO_CHARGE
    attempts: _Attempts | None = None

    async def make(self, request: ModelRequest, scope: anyio.CancelScope) -> Reply:
        """Ask the model until it replies, or until no other attempt is to be made.

        Raises:
            AtlasError: There is no reply.
        """
        driver, spec = self.driver, self.spec
        loaded = await driver.pool.loaded(spec, driver.live.tell)
        self.attempts = _Attempts(loaded, driver.live, scope, spec)
        return await generate_with_retries(
            self.attempts,
            await fitted(request, spec),
            policy=driver.retries,
            price=spec.price,
            image_tokens=spec.image_tokens,
            on_tokens=self._on_tokens,
            on_usage=self._on_usage,
            on_retry=self._on_retry,
            may_spend=partial(driver.may_spend, self.key),
        )

    @property
    def under_way(self) -> bool:
        """Whether an attempt has left, and so may have been paid for."""
        return self.attempts is not None and self.attempts.under_way

    def failed(self, error: ModelError) -> Failed:
        """Return the end of a call whose last attempt failed."""
        kind: FailureKind = "unavailable" if isinstance(error, ModelUnavailable) else "rejected"
        charge = error.charge or NO_CHARGE
        if self.spec.price is None and not error.complete:
            # What broke off may have been billed, and at no price that is known.
            charge = replace(charge, cost=None)
        uncounted = FREE if self.attempts is None else self.attempts.uncounted
        return Failed(failure(kind, str(error)), replace(charge, uncertain=uncounted))

    def aborted(self, why: SolverFailure) -> Failed:
        """Return the end of a call that was broken off from here."""
        if self.attempts is None or self.attempts.under_way:
            return self.broken_off(why)
        return Failed(why, replace(self.counted, uncertain=self.attempts.uncounted))

    def broken_off(self, why: SolverFailure) -> Failed:
        """Return the end of a call that may have left, and of which nothing more is heard."""
        if self.attempts is None:
            return Failed(why)
        cost = self.counted.cost
        held = self.driver.live.state.ledger.held.get(self.key, FREE)
        uncertain = max(FREE, held - (cost or FREE))
        known = None if self.spec.price is None else cost
        return Failed(why, Charge(self.counted.usage, known, uncertain))

    def _on_tokens(self, count: int) -> None:
        self.driver.live.tokens[self.key] = count

    def _on_usage(self, charge: Charge) -> None:
        self.counted = charge

    def _on_retry(self, retry: Retry) -> None:
        text = f"a call was not answered; next try in {retry.wait:.0f} s"
        self.driver.live.tell(Notice(text, cause=str(retry.error)))


@dataclass(slots=True)
class _Attempts(Model):
    """A model under one call: its attempts are counted, and none begins once the run is to stop.

    Attributes:
        under_way: Whether one of them has left and has not ended.
        uncounted: US dollars that the failed ones may have cost beyond their counts, at most.
    """

    model: Model
    live: LiveRun
    scope: anyio.CancelScope
    spec: ModelSpec
    under_way: bool = False
    uncounted: Decimal = FREE

    @property
    @override
    def name(self) -> str:
        return self.model.name

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        if self.live.state.stop_cause is not None:
            self.scope.cancel("the run is to stop")
            await anyio.lowlevel.checkpoint()

        def left(charge: Charge) -> None:
            self.under_way = True
            if on_usage is not None:
                on_usage(charge)

        try:
            return await self.model.generate(request, on_tokens=on_tokens, on_usage=left)
        except ModelError as error:
            self.under_way = False
            if self.spec.price is not None:
                self.uncounted += most_uncounted(
                    error, request, self.spec.price, image_tokens=self.spec.image_tokens
                )
            raise

    @override
    async def aclose(self) -> None:
        """Nothing is owned here."""


class _Log:
    """Records of one write, and the state they lead to."""

    def __init__(self, state: RunState, clock: RunClock) -> None:
        self.state = state
        self.clock = clock
        self.records: list[Record] = []

    def add(self, *events: Event) -> None:
        for event in events:
            record = Record(self.state.seq + 1, self.clock.now(), event)
            self.state = self.state.apply(record)
            self.records.append(record)


def _is_over(state: RunState) -> bool:
    """Return whether nothing is left to be done for a run here: it has ended, or is left as it is.

    One that has ended is left only once every reply that was paid for has been read.
    """
    if state.finished is not None:
        return not state.unread
    return state.stop_cause == "shutdown" and not state.calls_in_flight


def _is_reply(event: Event) -> bool:
    """Return whether an event holds what a model answered."""
    return isinstance(event, SolverReplied | OrchestratorReplied)


def _is_light(state: RunState, command: ReadReply) -> bool:
    """Return whether reading a reply takes no longer than the event loop can wait."""
    if command.explore_id is None:
        reply = state.turns[-1].reply
        if not isinstance(reply, OrchestratorReplied):
            return True
        turn = reply.reply
    else:
        replied = state.explores[command.explore_id].reply
        assert replied is not None, "only a reply is to be read"
        turn = replied.reply
    checks_an_answer = state.problem.answer_schema is not None and not turn.tool_calls
    return not checks_an_answer and is_light(turn)
