"""The explores that a run can still have, and those that the core plans itself.

A solver can get an explore while it has quota, the money pays for it, it sees the problem's
pictures, and it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.events import ExploresPlanned, Origin, Planned
from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.holds import explore_tokens_at_most, hold_of, synthesis_reserve
from atlas_mcp.atlas.messages import ToolResult
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_endings import ENOUGH_TO_AGREE
from atlas_mcp.atlas.run_spec import Floor, floor_of
from atlas_mcp.atlas.state import RunState, quota_used, unanswered_in_a_row

SILENT_AFTER = 2
"""Explores in a row that a solver's endpoint leaves unanswered before it gets no more of them, as
long as another solver can get one."""


def missing_evidence(state: RunState) -> str | None:
    """Return a text of the evidence that the floor still lacks; `None` once it is reached."""
    floor, have = _reachable_floor(state), _evidence(state)
    missing: list[str] = []
    candidates, enough = len(state.votes), min(ENOUGH_TO_AGREE, state.budget.max_explores)
    if candidates < enough:
        missing.append(f"{candidates} of at least {enough} candidates")
    if have.explores < floor.explores:
        missing.append(f"{have.explores} of at least {floor.explores} explores")
    if have.models < floor.models:
        missing.append(f"{have.models} of at least {floor.models} models")
    return ", ".join(missing) or None


def must_conclude(state: RunState) -> StopReason | None:
    """Return why no further explore can be granted, `None` if one can."""
    if state.exploring_closed:
        return "deadline"
    if state.explores_left == 0 or not solvers_with_quota(state):
        return "max_explores"
    if not usable(state):
        return "max_cost"
    return None


def plan(
    state: RunState, origin: Origin, count: int, *, fresh_first: bool = False
) -> ExploresPlanned:
    """Plan explores that differ: the next strategies of the list, the solvers in turn.

    Args:
        state: The run.
        origin: The source of the request.
        count: The number of explores; fewer are planned where the quotas give no more.
        fresh_first: Whether models without an explore come first.
    """
    first = len(state.explores)
    planned: list[Planned] = []
    for i in range(first, first + count):
        solvers = usable(state, planned)
        if not solvers:
            break
        if fresh_first:
            solvers = _unheard(state, solvers, planned) or solvers
        explore = Explore(solvers[i % len(solvers)], STRATEGIES[i % len(STRATEGIES)])
        planned.append(Planned(next_id(state, planned), explore))
    return ExploresPlanned(origin, tuple(planned))


def floor_explores(state: RunState, missing_text: str) -> ExploresPlanned:
    """Plan the explores that the floor lacks, models without an explore first."""
    floor, have = _reachable_floor(state), _evidence(state)
    missing = max(1, floor.explores - have.explores, floor.models - have.models)
    event = plan(state, "floor", min(missing, state.explores_left), fresh_first=True)
    told = ToolResult("", prompts.floor_held(missing_text))
    return replace(event, refused=(told,))


def next_id(state: RunState, planned: Sequence[Planned]) -> int:
    """Return the number of the next explore, after those that are `planned` already."""
    return max(state.explores, default=0) + len(planned) + 1


def usable(state: RunState, planned: Sequence[Planned] = ()) -> list[str]:
    """Return the solvers with quota left that the money at hand pays for, and that answer.

    Where none of them answers, return all of them: there is no other solver to ask.
    """
    names = [name for name in _affordable(state, planned) if not has_gone_silent(state, name)]
    return names or _affordable(state, planned)


def has_gone_silent(state: RunState, solver: str) -> bool:
    """Return whether a solver has stopped answering while another one still answers."""

    def quiet(name: str) -> bool:
        return unanswered_in_a_row(state, name) >= SILENT_AFTER

    return quiet(solver) and any(not quiet(name) for name in _affordable(state))


def solvers_with_quota(state: RunState, planned: Sequence[Planned] = ()) -> list[str]:
    """Return the solvers that may get another explore, `planned` ones counted as well.

    A solver that cannot see the problem's pictures may get none.
    """

    def used(name: str) -> int:
        further = sum(item.explore.solver == name for item in planned)
        return quota_used(state, name) + further

    return [
        entry.name
        for entry in state.spec.solvers
        if entry.spec.can_see(state.problem)
        and (entry.quota is None or used(entry.name) < entry.quota)
    ]


def reaches(state: RunState, explore: Explore) -> bool:
    """Return whether the money at hand pays for `explore`."""
    available = state.ledger.available
    if available is None:
        return True
    spec = state.spec.solver(explore.solver).spec
    tokens = explore_tokens_at_most(state, explore, spec)
    return hold_of(spec, tokens, spec.max_tokens, available - synthesis_reserve(state)) is not None


def _unheard(state: RunState, solvers: Sequence[str], planned: Sequence[Planned]) -> list[str]:
    """Return those of `solvers` whose model has had no explore."""
    asked = [explore.planned for explore in state.done]
    heard = {state.spec.solver(one.explore.solver).spec.model for one in (*asked, *planned)}
    return [name for name in solvers if state.spec.solver(name).spec.model not in heard]


def _evidence(state: RunState) -> Floor:
    """Return the number of explores that have ended, and of the models that they ran on."""
    models = {state.spec.solver(e.planned.explore.solver).spec.model for e in state.done}
    return Floor(explores=len(state.done), models=len(models))


def _reachable_floor(state: RunState) -> Floor:
    """Return the run's floor, its models clipped to those that quotas and money still reach."""
    floor = floor_of(state.spec)
    names = [explore.planned.explore.solver for explore in state.done] + usable(state)
    models = {state.spec.solver(name).spec.model for name in names}
    return replace(floor, models=min(floor.models, len(models)))


def _affordable(state: RunState, planned: Sequence[Planned] = ()) -> list[str]:
    names = solvers_with_quota(state, planned)
    return [name for name in names if reaches(state, Explore(name))]
