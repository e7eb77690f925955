"""The explores that a run can still have.

A solver can get an explore while it has quota, the money pays for it, it sees the problem's
pictures, and it answers. Which of these explores a run has is decided by its workflow.
"""

from __future__ import annotations

from collections.abc import Sequence

from atlas_mcp.atlas.events import Planned
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.holds import hold_of, synthesis_reserve
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.state import RunState, quota_used, unanswered_in_a_row
from atlas_mcp.atlas.workflows.registry import workflow_of

SILENT_AFTER = 2
"""Explores in a row that a solver's endpoint leaves unanswered before it gets no more of them, as
long as another solver can get one."""


def must_conclude(state: RunState) -> StopReason | None:
    """Return why no further explore can be granted, `None` if one can."""
    if state.exploring_closed:
        return "deadline"
    if state.explores_left == 0 or not solvers_with_quota(state):
        return "max_explores"
    if not usable(state):
        return "max_cost"
    return None


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
    tokens = workflow_of(state.spec).input_tokens_at_most(state, explore, spec)
    return hold_of(spec, tokens, spec.max_tokens, available - synthesis_reserve(state)) is not None


def _affordable(state: RunState, planned: Sequence[Planned] = ()) -> list[str]:
    names = solvers_with_quota(state, planned)
    return [name for name in names if reaches(state, Explore(name))]
