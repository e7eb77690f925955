"""From a request to the settings of a run: every rule is checked here, before money is spent.

Owns the precedence of argument over configuration, and the checks that need both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

from atlas_mcp.atlas.budget import Budget, ExploreEffort, check_cap
from atlas_mcp.atlas.explore_requests import check_count
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import LeftOut, RunSpec, SolverSpec, floor_of
from atlas_mcp.atlas.starting import cheapest_explore
from atlas_mcp.atlas.wording import bound_text, money_text
from atlas_mcp.atlas.workflows.base import Workflow
from atlas_mcp.atlas.workflows.registry import (
    CLIENT_EXPLORES,
    DEFAULT_WORKFLOW,
    GUARDED,
    workflow_asked_for,
    workflow_named,
)
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.pool import Pool


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The run that a caller asks for; `None` leaves a choice to the configuration."""

    solvers: Sequence[str] | None = None
    explore_effort: str | None = None
    max_explores: int | None = None
    max_cost_usd: float | Decimal | None = None
    time_limit_s: float | None = None
    workflow: str | None = None
    seed: int | None = None


def plan_solve(problem: Problem, request: RunRequest, *, pool: Pool, settings: Settings) -> RunSpec:
    """Return the settings of a run that one of our workflows carries on.

    Raises:
        InvalidInput: An argument breaks a rule.
        ConfigError: The configuration cannot serve the run.
    """
    workflow = workflow_asked_for(request.workflow)
    solvers, left_out = _able(problem, pool.solvers(request.solvers))
    orchestrator, name = None, request.workflow or DEFAULT_WORKFLOW
    if workflow.orchestrated:
        orchestrator = _orchestrator(problem, pool, solvers, settings)
        if name == DEFAULT_WORKFLOW and orchestrator.guard:
            name = GUARDED
            workflow = workflow_named(name)
    spec = RunSpec(
        workflow=name,
        orchestrator=orchestrator,
        solvers=solvers,
        budget=_for_workflow(_budget(request, settings), workflow, request),
        explore_effort=_explore_effort(request, workflow, solvers),
        seed=request.seed,
        left_out=left_out,
    )
    if request.max_explores is None and "max_explores" not in settings.budget.model_fields_set:
        spec = _with_usual_explores(spec, workflow)
    models = [entry.spec for entry in solvers]
    if orchestrator is not None:
        models.append(orchestrator)
    _check(problem, spec, models, settings)
    return spec


def plan_explores(
    problem: Problem, request: RunRequest, count: int, *, pool: Pool, settings: Settings
) -> RunSpec:
    """Return the settings of a run whose orchestrator is the client.

    Raises:
        InvalidInput: An argument breaks a rule.
        ConfigError: The configuration cannot serve the run.
    """
    check_count(count)
    solvers, left_out = _able(problem, pool.solvers(request.solvers))
    budget = _budget(request, settings)
    budget = replace(budget, max_explores=max(budget.max_explores, count), prefetch=0)
    spec = RunSpec(CLIENT_EXPLORES, None, solvers, budget, seed=request.seed, left_out=left_out)
    _check(problem, spec, tuple(entry.spec for entry in solvers), settings)
    return spec


def _able(
    problem: Problem, entries: Sequence[SolverSpec]
) -> tuple[tuple[SolverSpec, ...], tuple[LeftOut, ...]]:
    """Return the entries that can work on the problem, and those that cannot."""
    able = tuple(entry for entry in entries if entry.spec.can_see(problem))
    blind = [entry.name for entry in entries if not entry.spec.can_see(problem)]
    if not able:
        raise InvalidInput(
            "images",
            f"{', '.join(map(repr, blind))} cannot see pictures; name a solver that can, or say "
            "`images = true` in its section of atlas.toml if it can",
        )
    return able, tuple(LeftOut(name, "it cannot see pictures") for name in blind)


def _orchestrator(
    problem: Problem, pool: Pool, solvers: Sequence[SolverSpec], settings: Settings
) -> ModelSpec:
    """Return the orchestrator: one that is configured must see, else the first solver does."""
    orchestrator = pool.orchestrator(solvers)
    if orchestrator.can_see(problem):
        return orchestrator
    if settings.orchestrator is None:
        return solvers[0].spec
    raise InvalidInput(
        "images",
        f"the orchestrator {orchestrator.model!r} cannot see pictures; configure one that can, or "
        "say `images = true` under [orchestrator] in atlas.toml if it can",
    )


def _budget(request: RunRequest, settings: Settings) -> Budget:
    section = settings.budget
    cap = section.max_cost_usd
    if request.max_cost_usd is not None:
        cap = Decimal(str(request.max_cost_usd))
        check_cap(cap)
    return Budget(
        max_explores=section.max_explores if request.max_explores is None else request.max_explores,
        max_parallel=section.max_parallel,
        prefetch=section.prefetch,
        max_cost_usd=cap,
        time_limit_s=section.time_limit_s if request.time_limit_s is None else request.time_limit_s,
        solver_time_limit_s=section.solver_time_limit_s,
    )


def _for_workflow(budget: Budget, workflow: Workflow, request: RunRequest) -> Budget:
    """Return the limits with as many explores as were asked for by the workflow's name."""
    wanted = workflow.explores
    if wanted is None:
        return budget
    if request.max_explores is not None and request.max_explores < wanted:
        raise InvalidInput(
            "max_explores",
            f"is {request.max_explores}, and workflow {request.workflow!r} takes {wanted}; raise "
            "it, or leave it out",
        )
    return replace(budget, max_explores=wanted)


def _with_usual_explores(spec: RunSpec, workflow: Workflow) -> RunSpec:
    """Return the settings with the workflow's own ceiling, as far as the floor allows it."""
    usual, floor = workflow.usual_explores, floor_of(spec)
    if usual is None:
        return spec
    ceiling = min(spec.budget.max_explores, max(usual, floor.explores, floor.models))
    return replace(spec, budget=replace(spec.budget, max_explores=ceiling))


def _explore_effort(
    request: RunRequest, workflow: Workflow, solvers: Sequence[SolverSpec]
) -> ExploreEffort:
    """Source of the defaults: the ATLAS paper, low with one solver and medium with several."""
    wanted = request.explore_effort
    if wanted is None:
        return "low" if len(solvers) == 1 else "medium"
    if not workflow.orchestrated:
        raise InvalidInput(
            "explore_effort",
            f"has no effect in workflow {request.workflow!r}, which asks no orchestrator; leave it "
            "out",
        )
    for effort in get_args(ExploreEffort):
        if wanted == effort:
            return effort
    raise InvalidInput("explore_effort", f"is {wanted!r}; it takes low, medium or high")


def _check(
    problem: Problem, spec: RunSpec, models: Sequence[ModelSpec], settings: Settings
) -> None:
    """Refuse what would fail, or could not hold its cap, once the run is under way."""
    caps = {
        "max_cost_usd": spec.budget.max_cost_usd,
        "max_cost_usd_per_day": settings.budget.max_cost_usd_per_day,
    }
    for name, cap in caps.items():
        for model in models:
            if cap is not None and model.price is None:
                raise ConfigError(
                    f"the price of {model.model!r} is not known, so {name} ({cap}) cannot be held. "
                    "Give it a price in atlas.toml ([solvers.NAME] price = { input = …, output = … "
                    f'}}, USD per million tokens), or lift the cap with {name} = "none" in [budget]'
                )
    cap = spec.budget.max_cost_usd
    if cap is not None and (lowest := cheapest_explore(problem, spec, cap)) is not None:
        raise InvalidInput(
            "max_cost_usd",
            f"{money_text(cap)} pays for no explore; one must be able to cost {bound_text(lowest)}",
        )
