"""Starting the explores that are planned: as many at once as the budget bears, the rest skipped.

Owns the hold of a solver's call, the one place where its request is built, and the least that a cap
must bear. Which explores are planned is decided by the workflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from atlas_mcp.atlas.budget import Ledger
from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.commands import Command, Note, RunSolver
from atlas_mcp.atlas.events import ExploresSkipped, Record, RunOpened, SolverStarted
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.holds import MIN_OUTPUT_TOKENS, hold_of, synthesis_reserve
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_endings import why_no_money
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState, start
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.workflows.registry import workflow_of


def start_explores(state: RunState) -> tuple[Command, ...]:
    """Return the calls of waiting explores that can start now, or the record that none will."""
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
        return (_skip(waiting, why_no_money(state, "The money for explores was used up.")),)
    return tuple(commands)


def cheapest_explore(problem: Problem, spec: RunSpec, cap: Decimal) -> Decimal | None:
    """Return the US dollars that a cap must leave for one explore, if a cap leaves less.

    Args:
        problem: The problem of the run.
        spec: The settings of the run.
        cap: US dollars.

    Returns:
        `None` where the cap pays for an explore beside the reserve for the synthesis.
    """
    opened = replace(start(Record(1, 0.0, RunOpened(problem, spec))), ledger=Ledger(cap))
    left, workflow = cap - synthesis_reserve(opened), workflow_of(spec)
    lowest = FREE
    for entry in spec.solvers:
        price, most = entry.spec.price, entry.spec.max_tokens
        tokens = workflow.input_tokens_at_most(opened, Explore(entry.name), entry.spec)
        if price is None or hold_of(entry.spec, tokens, most, left) is not None:
            return None
        needed = price.of(input_tokens=tokens, output_tokens=min(MIN_OUTPUT_TOKENS, most))
        lowest = needed if lowest == FREE else min(lowest, needed)
    return lowest


def _skip(explores: Sequence[ExploreState], reason: str) -> Note:
    return Note(ExploresSkipped(tuple(explore.id for explore in explores), reason))


def _solver_command(state: RunState, explore: ExploreState, ledger: Ledger) -> RunSolver | None:
    """Return the command that starts `explore`, `None` where the money does not reach."""
    action = explore.planned.explore
    spec = state.spec.solver(action.solver).spec
    available = ledger.available
    if available is not None:
        available -= synthesis_reserve(state)
    workflow = workflow_of(state.spec)
    tokens = workflow.input_tokens_at_most(state, action, spec)
    hold = hold_of(spec, tokens, spec.max_tokens, available)
    if hold is None:
        return None
    seed = None if state.spec.seed is None else state.spec.seed * 1_000 + explore.id
    request = workflow.request(state, action, spec, max_tokens=hold.max_tokens, seed=seed)
    return RunSolver(SolverStarted(explore.id, hold.amount), action, request)
