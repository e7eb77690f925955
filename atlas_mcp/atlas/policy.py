"""The loop, decided purely: from what a run amounts to, to what is done next.

`next_commands(state)` is called after every record. It never asks for a call that is in flight
already, holds money for every call it asks for, and always comes to an end: each turn of the
orchestrator adds explores, of which there are at most `max_explores`, or counts as fruitless, of
which at most `MAX_FRUITLESS_TURNS` are taken in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.briefing import next_user_turn
from atlas_mcp.atlas.budget import Ledger
from atlas_mcp.atlas.commands import AskOrchestrator, Command, Note, ReadReply, RunSolver
from atlas_mcp.atlas.decisions import (
    Synthesis,
    Unreadable,
    WantedExplore,
    Wants,
    read_decision,
)
from atlas_mcp.atlas.endings import (
    ENOUGH_TO_GIVE_UP,
    answered,
    cancelled,
    failures_text,
    gathered,
    money_text,
    unsynthesized,
)
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    ExploresSkipped,
    OrchestratorAsked,
    OrchestratorReplied,
    Planned,
    RunFinished,
    SentBack,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, SolverFailure
from atlas_mcp.atlas.holds import hold_for, synthesis_reserve
from atlas_mcp.atlas.messages import ModelRequest, ToolResult
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.planning import (
    floor_explores,
    missing_evidence,
    next_id,
    plan,
    reaches,
    silent,
    solvers_with_quota,
    usable,
)
from atlas_mcp.atlas.run_facts import ExploreState, OrchestratorTurn, call_key
from atlas_mcp.atlas.state import RunState, quota_used

MAX_FRUITLESS_TURNS = 3
"""Turns of the orchestrator in a row that add no explore and give no accepted answer."""


def next_commands(state: RunState) -> tuple[Command, ...]:
    """Return what is to be done now, in order; nothing while calls in flight must come first.

    A `Note` or a `ReadReply` changes the state it was decided on: record it, then ask again.
    """
    if state.unread:
        # Also of a run that is to stop: what was paid for is evidence.
        return (ReadReply(state.unread[0].id),)
    if state.finished is not None:
        return ()
    if state.stop_cause is not None:
        # A service that ends leaves its runs to be resumed; everyone else ends the run.
        if state.calls_in_flight or state.stop_cause == "shutdown":
            return ()
        return (Note(cancelled()),)
    if state.turn_in_flight:
        return ()
    last = state.turns[-1] if state.turns else None
    if last is not None and isinstance(last.reply, OrchestratorReplied) and not last.read:
        return (ReadReply(None),)
    if state.waiting:
        return _start_solvers(state)
    if state.solvers_in_flight:
        return ()
    return _go_on(state)


def is_over(state: RunState) -> bool:
    """Return whether nothing is left to be done for a run here: it has ended, or is left as it is.

    One that has ended is left only once every reply that was paid for has been read.
    """
    if state.finished is not None:
        return not state.unread
    return state.stop_cause == "shutdown" and not state.calls_in_flight


def must_conclude(state: RunState) -> StopReason | None:
    """Return why no further explore can be granted, `None` if one can."""
    if state.exploring_closed:
        return "deadline"
    if state.explores_left == 0 or not solvers_with_quota(state):
        return "max_explores"
    if not usable(state):
        return "max_cost"
    return None


# Deciding on the orchestrator's reply


def decided(state: RunState, turn: OrchestratorTurn, replied: OrchestratorReplied) -> Event:
    """Return what the orchestrator's reply leads to: explores, an end, or another turn."""
    decision = read_decision(replied, state.spec, state.problem.answer_schema)
    if isinstance(decision, Wants):
        return _grant(state, decision)
    if isinstance(decision, Unreadable):
        if decision.final or _fruitless(state) >= MAX_FRUITLESS_TURNS:
            return unsynthesized(state, "error", f"The orchestrator: {decision.fault}.")
        return SentBack(turn.asked.turn, prompts.unreadable(decision.fault), below_floor=False)
    if not state.votes and decision.answer is not None:
        if must_conclude(state) is not None or _fruitless(state) >= MAX_FRUITLESS_TURNS:
            return unsynthesized(state, "no_candidates", failures_text(state, must_conclude(state)))
        return SentBack(turn.asked.turn, prompts.UNFOUNDED, below_floor=False)
    missing = missing_evidence(state)
    if missing is not None and must_conclude(state) is None and not _may_give_up(state, decision):
        if any(earlier.below_floor for earlier in state.turns):
            return floor_explores(state, missing)
        return SentBack(turn.asked.turn, prompts.too_early(missing), below_floor=True)
    return answered(turn, decision)


def _may_give_up(state: RunState, decision: Synthesis) -> bool:
    enough = min(ENOUGH_TO_GIVE_UP, state.budget.max_explores)
    return decision.answer is None and len(state.done) >= enough


def _grant(state: RunState, wants: Wants) -> ExploresPlanned | RunFinished:
    """Plan the explores that can be had and answer the other calls with why not."""
    planned: list[Planned] = []
    refused: list[ToolResult] = []
    serial = state.budget.max_parallel == 1
    left = 0 if must_conclude(state) else state.explores_left
    used = {entry.name: quota_used(state, entry.name) for entry in state.spec.solvers}
    for call in wants.calls:
        if not isinstance(call, WantedExplore):
            refused.append(_refusal(call.call_id, prompts.bad_arguments(call.fault)))
            continue
        solver = state.spec.solver(call.explore.solver)
        if left == 0:
            refused.append(_refusal(call.call_id, prompts.exhausted()))
        elif serial and planned:
            refused.append(_refusal(call.call_id, prompts.one_per_turn()))
        elif solver.quota is not None and used[solver.name] >= solver.quota:
            refused.append(_refusal(call.call_id, prompts.exhausted(solver.name)))
        elif not solver.spec.can_see(state.problem):
            refused.append(_refusal(call.call_id, prompts.blind(solver.name)))
        elif silent(state, solver.name):
            refused.append(_refusal(call.call_id, prompts.silent(solver.name)))
        elif not reaches(state, call.explore):
            refused.append(_refusal(call.call_id, prompts.too_dear(solver.name)))
        else:
            planned.append(Planned(next_id(state, planned), call.explore, call.call_id))
            used[solver.name] += 1
            left -= 1
    if not planned and _fruitless(state) >= MAX_FRUITLESS_TURNS:
        return unsynthesized(
            state,
            must_conclude(state) or "error",
            "The orchestrator kept asking for explores it could not have.",
        )
    return ExploresPlanned("orchestrator", tuple(planned), tuple(refused))


def _refusal(call_id: str | None, text: str) -> ToolResult:
    return ToolResult(call_id or "", text, is_error=True)


def _fruitless(state: RunState) -> int:
    """Return how many turns in a row, the last one included, have led to no explore."""

    def barren(turn: OrchestratorTurn) -> bool:
        return all(state.explores[number].skipped for number in turn.granted)

    return sum(1 for _ in takewhile(barren, reversed(state.turns[state.resumed_turns :])))


# Starting calls


def _start_solvers(state: RunState) -> tuple[Command, ...]:
    waiting = state.waiting
    if state.exploring_closed:
        return (_skip(waiting, "The time for explores was up."),)
    blind = [
        explore
        for explore in waiting
        if not state.spec.solver(explore.planned.explore.solver).spec.can_see(state.problem)
    ]
    if blind:
        return (_skip(blind, "Its solver cannot see pictures."),)
    slots = state.budget.max_parallel - len(state.solvers_in_flight)
    ledger = state.ledger
    commands: list[Command] = []
    for explore in waiting:
        if len(commands) >= slots:
            break
        command = _solver_command(state, explore, ledger)
        if command is None:
            continue
        ledger = ledger.hold(call_key(command.intent), command.intent.hold_usd)
        commands.append(command)
    if not commands and not state.solvers_in_flight:
        return (_skip(waiting, money_text(state, "The money for explores was used up.")),)
    return tuple(commands)


def _skip(explores: Sequence[ExploreState], reason: str) -> Note:
    return Note(ExploresSkipped(tuple(explore.id for explore in explores), reason))


def _solver_command(state: RunState, explore: ExploreState, ledger: Ledger) -> RunSolver | None:
    """Return the command that starts `explore`, `None` where the money does not reach."""
    action = explore.planned.explore
    spec = state.spec.solver(action.solver).spec
    seed = None if state.spec.seed is None else state.spec.seed * 1_000 + explore.id

    def request(max_tokens: int) -> ModelRequest:
        return prompts.solver_request(state.problem, action, spec, max_tokens=max_tokens, seed=seed)

    available = ledger.available
    if available is not None:
        available -= synthesis_reserve(state)
    hold = hold_for(spec, request(spec.max_tokens), available)
    if hold is None:
        return None
    return RunSolver(SolverStarted(explore.id, hold.amount), action, request(hold.max_tokens))


# Going on when nothing is open


def _go_on(state: RunState) -> tuple[Command, ...]:
    if state.spec.workflow == "explore":
        return (Note(gathered(state)),)
    if not state.explores and not state.turns and not state.exploring_closed:
        start = plan(state, "prefetch", min(state.budget.prefetch, state.explores_left))
        if start.planned:
            return (Note(start),)
    failed = state.turns[-1].reply if state.turns else None
    if isinstance(failed, SolverFailure):
        reason: StopReason = "deadline" if failed.kind == "timeout" else "error"
        return (Note(unsynthesized(state, reason, f"The orchestrator: {failed.message}")),)
    if _hopeless(state):
        reason = "no_candidates" if state.done else must_conclude(state) or "no_candidates"
        return (Note(unsynthesized(state, reason, failures_text(state, must_conclude(state)))),)
    return (_ask(state),)


def _hopeless(state: RunState) -> bool:
    """Return whether asking the orchestrator can lead to nothing."""
    outcomes = [explore.outcome for explore in state.done]
    if any(isinstance(outcome, Candidate) for outcome in outcomes):
        return False
    if must_conclude(state) is not None:
        return True
    return bool(outcomes) and all(
        isinstance(outcome, SolverFailure) and outcome.kind == "rejected" for outcome in outcomes
    )


def _ask(state: RunState) -> Command:
    spec = state.spec.orchestrator
    assert spec is not None, "a run of the atlas workflow has an orchestrator"
    concluding = must_conclude(state)
    shows = tuple(explore for explore in state.explores.values() if explore.id not in state.shown)
    schema = prompts.bounded(
        prompts.synthesis_schema(state.problem)
        if spec.tools or concluding is not None
        else prompts.decision_schema(state.problem, state.spec),
        spec.max_string_chars,
    )
    system = state.turns[0].asked.system if state.turns else prompts.orchestrator_system(state.spec)
    tools = (
        state.turns[0].asked.tools
        if state.turns
        else ((prompts.explore_tool(state.spec),) if spec.tools else ())
    )
    shape = None
    known = state.turns[-1].asked.schema if state.turns else None
    if schema != known and not spec.holds_schema(tools=bool(tools)):
        shape = prompts.shape_text(schema, tools=bool(tools))
    saying = next_user_turn(state, shows, concluding, shape=shape)
    request = ModelRequest(
        system=system,
        turns=(*state.history, saying),
        max_tokens=spec.max_tokens,
        schema=schema,
        tools=tools,
        parallel_tool_calls=state.budget.max_parallel > 1,
        effort=spec.effort,
        seed=None if state.spec.seed is None else state.spec.seed * 1_000 + 500 + len(state.turns),
        temperature=None if spec.temperature is None else 0.0,
    )
    hold = hold_for(spec, request, state.ledger.available)
    if hold is None:
        why = money_text(state, "The cap left no money for the orchestrator.")
        return Note(unsynthesized(state, "max_cost", why))
    intent = OrchestratorAsked(
        turn=len(state.turns) + 1,
        said=saying,
        shows=tuple(explore.id for explore in shows),
        hold_usd=hold.amount,
        max_tokens=hold.max_tokens,
        schema=schema,
        must_conclude=concluding,
        system=system,
        tools=tools,
    )
    return AskOrchestrator(intent, replace(request, max_tokens=hold.max_tokens))
