"""The evidence that the ATLAS loop asks for before an answer, and the explores it plans itself.

Source of the floors: the ATLAS paper's exploration efforts. The figures are in
`run_spec.floor_of`; `Atlas.decide` asks here whether they are reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.events import ExploresPlanned, Origin, Planned
from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.messages import ToolResult
from atlas_mcp.atlas.run_spec import Floor, floor_of
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.possible_explores import next_id, usable
from atlas_mcp.atlas.workflows.synthesis import ENOUGH_TO_AGREE


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
    note = ToolResult("", prompts.floor_held(missing_text))
    return replace(event, refused=(note,))


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
