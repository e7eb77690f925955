"""The in-process driver: carries out a run's commands and records what comes of them.

Owns the only place where deciding meets doing. It decides nothing itself: whatever happened is
applied to the state, `atlas.policy.next_commands` says what follows from it, and the records of
both are made durable in one write, before any call they announce. Results are recorded in the
breath in which they arrive, also when the run is being stopped.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

import anyio
import anyio.abc
import anyio.lowlevel
from typing_extensions import override

from atlas_mcp.atlas.events import (
    Event,
    ExploringClosed,
    HoldRaised,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    RunFinished,
    SolverFinished,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.explore import FailureKind, SolverFailure, read_candidate
from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, encodable
from atlas_mcp.atlas.policy import AskOrchestrator, Note, RunSolver, next_commands
from atlas_mcp.atlas.pool import ModelSpec
from atlas_mcp.atlas.state import UNANSWERED, RunState, call_key
from atlas_mcp.atlas.usage import FREE, NO_USAGE, Cost, Usage
from atlas_mcp.errors import (
    AtlasError,
    ConfigError,
    JournalBusy,
    JournalError,
    JournalUnflushed,
    ModelError,
    ModelRejected,
    ModelUnavailable,
)
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.models.base import Model, Notice, OnTokens, OnUsage
from atlas_mcp.models.images import fitted
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.retry import Retry, RetryPolicy, generate_with_retries, most_uncounted
from atlas_mcp.runs.live import BrokenOff, LiveRun
from atlas_mcp.runs.tasks import open_task_group

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class _Failed:
    """A call that gave no reply, and what it consumed all the same."""

    failure: SolverFailure
    usage: Usage = NO_USAGE
    cost_usd: Cost = FREE
    uncertain_usd: Decimal = FREE


@dataclass(slots=True)
class Driver:
    """Drives one run to its end.

    Args:
        live: The run, shared with those who watch it.
        lease: The right to append to it.
        journal: Where its records go.
        pool: Where its models come from.
        retries: How calls that were not answered are tried again.

    Attributes:
        lost: Whether the run was taken over, so that its state here may be ahead of its records.
        ended: Set once `drive` has returned.
    """

    live: LiveRun
    lease: Lease
    journal: Journal
    pool: Pool
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    lost: bool = field(init=False, default=False)
    ended: anyio.Event = field(init=False, default_factory=anyio.Event)
    _calls: anyio.abc.TaskGroup = field(init=False)
    _finished: anyio.Event = field(init=False, default_factory=anyio.Event)
    _explore_until: float = field(init=False, default=0.0)
    _end_at: float = field(init=False, default=0.0)
    _scope: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    _open: set[anyio.CancelScope] = field(init=False, default_factory=set[anyio.CancelScope])
    _stop_at: float = field(init=False, default=math.inf)
    _broken: JournalError | None = field(init=False, default=None)
    _unstored: list[Record] = field(init=False, default_factory=list[Record])

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
            self.ended.set()
        if self._broken is not None and not self.lost:
            raise self._broken

    async def _carry_out(self) -> None:
        if self.stopped or not await self._prepared():
            return
        self._set_deadlines()
        async with open_task_group() as self._calls:
            self._calls.start_soon(self._close_exploring, name="deadline")
            await self._advance()
            await self._finished.wait()
            self._calls.cancel_scope.cancel("the run has finished")

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
        for scope in self._open:
            scope.deadline = min(scope.deadline, self._stop_at)
        before = self._state.stop_cause
        if before is None or (cause == "user" and before != "user"):
            await self._advance(StopRequested(cause))
            if cause == "user" and self._broken is not None:
                raise self._broken

    def give_up(self) -> None:
        """Drop the run where it stands: it has been taken over, and is no longer ours to write."""
        self.lost = True
        self._scope.cancel("the run has been taken over")

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

    async def _prepared(self) -> bool:
        """Put embedded models in place; a run whose models cannot be had ends here."""
        spec = self._state.spec
        wanted = [entry.spec for entry in spec.solvers]
        if spec.orchestrator is not None:
            wanted.append(spec.orchestrator)
        with self._stoppable(anyio.current_time() + self._state.budget.time_limit_s):
            try:
                await self.pool.prepare(wanted, on_notice=self.live.tell)
            except AtlasError as error:
                await self._advance(RunFinished("failed", "error", error=str(error)))
            finally:
                self.live.tell(None)
            return self._state.finished is None and self._state.stop_cause is None
        if self._state.finished is None and self._state.stop_cause is None:
            late = "The models were not ready within the run's time limit."
            await self._advance(RunFinished("failed", "deadline", error=late))
        return False

    async def _close_exploring(self) -> None:
        await anyio.sleep_until(self._explore_until)
        await self._advance(ExploringClosed())

    async def _advance(self, *events: Event) -> None:
        """Record what happened and what follows from it, then make the calls that follow.

        The state is ahead of the journal for a moment. That is safe, since records reach the
        journal in the order in which they were applied: nothing later is stored without them.
        """
        log = _Log(self._state)
        log.add(*events)
        asks: list[RunSolver | AskOrchestrator] = []
        while commands := next_commands(log.state):
            for command in commands:
                if isinstance(command, Note):
                    log.add(command.event)
                else:
                    log.add(command.intent)
                    asks.append(command)
        self.live.publish(log.state)
        await self._store(log.records)
        if self.lost:
            return
        for command in asks:
            self._calls.start_soon(self._make, command, name=call_key(command.intent))
        # Of a run that broke off meanwhile, what was to be called is told apart by its stop.
        state = log.state if self._broken is None else self._state
        left_to_resume = state.stop_cause == "shutdown" and not state.calls_in_flight
        if state.finished is not None or left_to_resume:
            self._finished.set()

    async def _store(self, records: list[Record]) -> None:
        """Store records; where the journal does not take them, the run breaks off."""
        if self._broken is not None:
            self._unstored += records
            return
        try:
            await self.journal.append(self.lease, records)
        except JournalBusy:
            self.give_up()
        except JournalError as error:
            if not isinstance(error, JournalUnflushed):
                self._unstored += records
            self._break_off(error)

    def _break_off(self, cause: JournalError) -> None:
        """Let no further call start, and abort those in flight: nothing of them could be stored."""
        if self._broken is not None:
            return
        self._broken = cause
        self._stop_at = anyio.current_time()
        for scope in self._open:
            scope.deadline = min(scope.deadline, self._stop_at)
        if self._state.stop_cause is None and self._state.finished is None:
            log = _Log(self._state)
            log.add(StopRequested("shutdown"))
            self._unstored += log.records
            self.live.publish(log.state)

    async def _end_broken(self) -> None:
        """Offer the journal once more what it did not take, and say what is lost."""
        if self._broken is None:
            return
        self._unstored.sort(key=lambda record: record.seq)
        with anyio.move_on_after(SALVAGE_SECONDS, shield=True):
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
        )

    async def _make(self, command: RunSolver | AskOrchestrator) -> None:
        if isinstance(command, RunSolver):
            await self._run_solver(command)
        else:
            await self._ask(command)

    async def _run_solver(self, command: RunSolver) -> None:
        spec = self._state.spec.solver(command.explore.solver).spec
        limit = anyio.current_time() + self._state.budget.solver_time_limit_s
        reply = await self._call(
            call_key(command.intent),
            spec,
            command.request,
            deadline=min(limit, self._explore_until + CLOSING_SECONDS),
        )
        number = command.intent.explore_id
        if isinstance(reply, _Failed):
            event = SolverFinished(
                number, reply.failure, reply.usage, reply.cost_usd, reply.uncertain_usd
            )
        else:
            outcome = read_candidate(reply, self._state.problem.answer_schema)
            event = SolverFinished(
                number, outcome, reply.usage, reply.cost_usd, reply.uncertain_usd
            )
        await self._advance(event)

    async def _ask(self, command: AskOrchestrator) -> None:
        spec = self._state.spec.orchestrator
        assert spec is not None, "only a run with an orchestrator asks it"
        reply = await self._call(
            call_key(command.intent),
            spec,
            command.request,
            deadline=self._end_at,
        )
        turn = command.intent.turn
        if isinstance(reply, _Failed):
            event: Event = OrchestratorFailed(
                turn, reply.failure, reply.usage, reply.cost_usd, reply.uncertain_usd
            )
        else:
            event = OrchestratorReplied(
                turn,
                reply.turn,
                reply.stop,
                reply.detail,
                reply.usage,
                reply.cost_usd,
                reply.uncertain_usd,
            )
        await self._advance(event)

    async def _call(
        self, key: str, spec: ModelSpec, request: ModelRequest, *, deadline: float
    ) -> Reply | _Failed:
        """Make one call under its deadline, and turn every expected end of it into a value."""
        counted: tuple[Usage, Cost] = (NO_USAGE, FREE)

        def on_tokens(count: int) -> None:
            self.live.tokens[key] = count

        def on_usage(usage: Usage, cost_usd: Cost) -> None:
            nonlocal counted
            counted = (usage, cost_usd)

        def on_retry(retry: Retry) -> None:
            self.live.tell(Notice(f"{retry.error}; next try in {retry.wait:.0f} s"))

        async def may_spend(lost: Decimal) -> bool:
            available = self._state.ledger.available
            if available is not None and lost > available:
                return False
            await self._advance(HoldRaised(key, lost))
            return True

        if self._state.stop_cause is not None:
            # Decided before the stop, and not yet made: its records were still being written.
            return _Failed(self._aborted(deadline))
        attempts: _Attempts | None = None
        with self._stoppable(deadline) as scope:
            try:
                loaded = await self.pool.loaded(spec, self.live.tell)
                attempts = _Attempts(loaded, self.live, scope, spec)
                request = await fitted(request, spec)
                reply = await generate_with_retries(
                    attempts,
                    request,
                    policy=self.retries,
                    price=spec.price,
                    image_tokens=spec.image_tokens,
                    on_tokens=on_tokens,
                    on_usage=on_usage,
                    on_retry=on_retry,
                    may_spend=may_spend,
                )
            except ModelError as error:
                failed = _failed(error, FREE if attempts is None else attempts.uncounted)
                # What broke off may have been billed, and at no price that is known.
                unknown = spec.price is None and not error.complete
                return replace(failed, cost_usd=None) if unknown else failed
            except ConfigError as error:
                return _Failed(SolverFailure("rejected", str(error)))
            finally:
                self.live.tokens.pop(key, None)
                self.live.tell(None)
            return replace(reply, turn=_encodable(reply.turn))
        if attempts is None:
            return _Failed(self._aborted(deadline))
        usage, cost = counted
        uncertain = attempts.uncounted
        if attempts.under_way:
            uncertain = max(FREE, self._state.ledger.held[key] - (cost or FREE))
            cost = None if spec.price is None else cost
        return _Failed(self._aborted(deadline), usage, cost, uncertain)

    @contextmanager
    def _stoppable(self, deadline: float) -> Generator[anyio.CancelScope]:
        """Bound a block by a deadline, which `stop` may bring forward."""
        with anyio.CancelScope(deadline=min(deadline, self._stop_at)) as scope:
            self._open.add(scope)
            try:
                yield scope
            finally:
                self._open.discard(scope)

    def _aborted(self, deadline: float) -> SolverFailure:
        if self._state.stop_cause is not None:
            return SolverFailure("cancelled", "the run was stopped while this call was open")
        late = "its time limit" if deadline < self._explore_until else "the run's time limit"
        return SolverFailure("timeout", f"no reply within {late}")


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

        def left(usage: Usage, cost_usd: Cost) -> None:
            self.under_way = True
            if on_usage is not None:
                on_usage(usage, cost_usd)

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

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.records: list[Record] = []

    def add(self, *events: Event) -> None:
        for event in events:
            record = Record(self.state.seq + 1, time.time(), event)
            self.state = self.state.apply(record)
            self.records.append(record)


def _is_reply(event: Event) -> bool:
    """Return whether an event holds what a model answered."""
    if isinstance(event, SolverFinished):
        outcome = event.outcome
        return not (isinstance(outcome, SolverFailure) and outcome.kind in UNANSWERED)
    return isinstance(event, OrchestratorReplied)


def _encodable(turn: AssistantTurn) -> AssistantTurn:
    """Return a turn that can be stored and sent, which what a model writes need not be."""
    return AssistantTurn(
        text=encodable(turn.text),
        tool_calls=tuple(
            replace(call, arguments=encodable(call.arguments)) for call in turn.tool_calls
        ),
        verbatim=encodable(turn.verbatim),
    )


def _failed(error: ModelError, uncounted: Decimal) -> _Failed:
    kind: FailureKind = "unavailable" if isinstance(error, ModelUnavailable) else "rejected"
    assert isinstance(error, ModelUnavailable | ModelRejected), "the two kinds there are"
    counted = error.cost_usd
    nothing_known = counted is None and error.usage is None
    return _Failed(
        SolverFailure(kind, str(error)),
        error.usage or NO_USAGE,
        FREE if nothing_known else counted,
        uncounted,
    )
