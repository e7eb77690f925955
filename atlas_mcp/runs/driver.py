"""The in-process driver: carries out a run's commands and records what comes of them.

Owns the only place where deciding meets doing. It decides nothing itself: it asks
`atlas.policy.next_commands` after every record. Intents are durable before the call they announce.
Results are recorded in the breath in which they arrive, also when the run is being stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal

import anyio
import anyio.abc

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
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.policy import AskOrchestrator, Command, Note, RunSolver, next_commands
from atlas_mcp.atlas.pool import ModelSpec
from atlas_mcp.atlas.state import RunState, call_key
from atlas_mcp.atlas.usage import FREE, NO_USAGE, Cost, Usage
from atlas_mcp.errors import AtlasError, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.models.base import Notice
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.retry import Retry, RetryPolicy, generate_with_retries
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.tasks import open_task_group

logger = logging.getLogger(__name__)

SYNTHESIS_SECONDS = 120.0
"""Seconds of the time limit that belong to the synthesis: no solver runs on into them."""

SYNTHESIS_SHARE = 4
"""The synthesis keeps at most one part in this many of the time limit."""

CLIENT_GRACE = 60.0
"""Seconds that calls in flight get when the client's request ended: it may only have timed out,
and their candidates can still be used."""


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
    """

    live: LiveRun
    lease: Lease
    journal: Journal
    pool: Pool
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    _explore_until: float = field(init=False, default=0.0)
    _end_at: float = field(init=False, default=0.0)
    _open: set[anyio.CancelScope] = field(init=False, default_factory=set[anyio.CancelScope])

    async def drive(self) -> None:
        """Carry out the run's commands until it has finished.

        Raises:
            JournalError: A record could not be stored. No call follows it.
        """
        if not await self._prepared():
            return
        self._set_deadlines()
        async with open_task_group() as calls:
            calls.start_soon(self._close_exploring, name="deadline")
            while self._state.finished is None:
                seen = self.live.changes
                commands = next_commands(self._state)
                await self._carry_out(commands, calls)
                if not commands:
                    await self.live.changed(seen)
            calls.cancel_scope.cancel("the run has finished")

    async def stop(self, cause: StopCause) -> None:
        """Let no further call start; abort those in flight, for a client after a grace."""
        if self._state.finished is not None or self._state.stop_cause is not None:
            return
        await self._record(StopRequested(cause))
        deadline = anyio.current_time() + (CLIENT_GRACE if cause == "client" else 0.0)
        for scope in self._open:
            scope.deadline = min(scope.deadline, deadline)

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
        try:
            await self.pool.prepare(wanted, on_notice=self.live.tell)
        except AtlasError as error:
            await self._record(RunFinished("failed", "error", error=str(error)))
            return False
        finally:
            self.live.tell(None)
        return True

    async def _close_exploring(self) -> None:
        await anyio.sleep_until(self._explore_until)
        await self._record(ExploringClosed())

    async def _carry_out(self, commands: Sequence[Command], calls: anyio.abc.TaskGroup) -> None:
        if not commands:
            return
        if isinstance(commands[0], Note):
            await self._record(commands[0].event)
            return
        asks = [command for command in commands if not isinstance(command, Note)]
        await self._record(*(command.intent for command in asks))
        for command in asks:
            if isinstance(command, RunSolver):
                calls.start_soon(self._run_solver, command, name=call_key(command.intent))
            else:
                calls.start_soon(self._ask, command, name=call_key(command.intent))

    async def _run_solver(self, command: RunSolver) -> None:
        spec = self._state.spec.solver(command.explore.solver).spec
        limit = anyio.current_time() + self._state.budget.solver_time_limit_s
        reply = await self._call(
            call_key(command.intent),
            spec,
            command.request,
            deadline=min(limit, self._explore_until),
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
        await self._record(event)

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
        await self._record(event)

    async def _call(
        self, key: str, spec: ModelSpec, request: ModelRequest, *, deadline: float
    ) -> Reply | _Failed:
        """Make one call under its deadline, and turn every expected end of it into a value."""

        def on_tokens(count: int) -> None:
            self.live.tokens[key] = count

        def on_retry(retry: Retry) -> None:
            self.live.tell(Notice(f"{retry.error}; next try in {retry.wait:.0f} s"))

        async def may_spend(lost: Decimal) -> bool:
            available = self._state.ledger.available
            if available is not None and lost > available:
                return False
            await self._record(HoldRaised(key, lost))
            return True

        with ExitStack() as cleanup:
            scope = cleanup.enter_context(anyio.CancelScope(deadline=deadline))
            self._open.add(scope)
            cleanup.callback(self._open.discard, scope)
            cleanup.callback(self.live.tokens.pop, key, None)
            try:
                model = await self.pool.model(spec)
                reply = await generate_with_retries(
                    model,
                    request,
                    policy=self.retries,
                    price=spec.price,
                    on_tokens=on_tokens,
                    on_retry=on_retry,
                    may_spend=may_spend,
                )
            except ModelError as error:
                return _failed(error, self._state.ledger.held[key])
            self.live.tell(None)
            return reply
        hold = self._state.ledger.held[key]
        return _Failed(self._aborted(deadline), Usage(requests=1), FREE, uncertain_usd=hold)

    def _aborted(self, deadline: float) -> SolverFailure:
        if self._state.stop_cause is not None:
            return SolverFailure("cancelled", "the run was stopped while this call was open")
        late = "its time limit" if deadline < self._explore_until else "the run's time limit"
        return SolverFailure("timeout", f"no reply within {late}")

    async def _record(self, *events: Event) -> None:
        """Apply events to the state and store them; they are durable when this returns.

        The state is ahead of the journal for a moment. That is safe, since records reach the
        journal in the order in which they were applied: nothing later can be stored without them.
        """
        records: list[Record] = []
        state = self._state
        for event in events:
            record = Record(state.seq + 1, time.time(), event)
            state = state.apply(record)
            records.append(record)
        self.live.publish(state)
        await self.journal.append(self.lease, records)


def _failed(error: ModelError, hold: Decimal) -> _Failed:
    kind: FailureKind = "unavailable" if isinstance(error, ModelUnavailable) else "rejected"
    assert isinstance(error, ModelUnavailable | ModelRejected), "the two kinds there are"
    counted = error.cost_usd
    uncertain = FREE if error.complete else max(FREE, hold - (counted or FREE))
    nothing_known = counted is None and error.usage is None
    return _Failed(
        SolverFailure(kind, str(error)),
        error.usage or NO_USAGE,
        FREE if nothing_known else counted,
        uncertain,
    )
