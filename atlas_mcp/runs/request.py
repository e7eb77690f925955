"""From what a caller asks for to the settings of a run: every rule is checked here, before money.

Owns the precedence of argument over configuration, and the checks that need both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

from atlas_mcp.atlas.budget import Budget, ExploreEffort, check_cap
from atlas_mcp.atlas.events import ExploresPlanned, Planned
from atlas_mcp.atlas.explore import (
    MAX_INSTRUCTION_CHARS,
    STRATEGIES,
    Explore,
    Strategy,
)
from atlas_mcp.atlas.holds import MIN_OUTPUT_TOKENS, first_reserve, hold_for, input_tokens_at_most
from atlas_mcp.atlas.messages import EFFORTS, Effort
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.prompts import solver_request
from atlas_mcp.atlas.resuming import check_opening
from atlas_mcp.atlas.run_spec import LeftOut, RunSpec, SolverSpec, Workflow
from atlas_mcp.atlas.state import RunState, quota_used
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.pool import Pool

MAX_COUNT = 20
"""Explores of one `explore` call. Source: the largest quota of the ATLAS paper."""


_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\xb4`\uff07\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\uff02\xab\xbb", '"'),
        **dict.fromkeys("\u300c\u300d\u300e\u300f", '"'),
        # Seen by nobody.
        **dict.fromkeys("\ufeff\u200b\u2060\xad", None),
    }
)
"""Quotation marks, each as the one that keyboards have."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks of a run; `None` leaves a thing to the configuration."""

    solvers: Sequence[str] | None = None
    explore_effort: str | None = None
    max_explores: int | None = None
    max_cost_usd: float | Decimal | None = None
    time_limit_s: float | None = None
    workflow: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ExploreWish:
    """What a client asks of its explores; `None` leaves a thing to the run."""

    solver: str | None = None
    effort: str | None = None
    strategy: str | None = None
    instruction: str | None = None
    count: int = 1


def plan_solve(problem: Problem, wish: Wish, *, pool: Pool, settings: Settings) -> RunSpec:
    """Return the settings of an ATLAS run.

    Raises:
        InvalidInput: An argument breaks a rule.
        ConfigError: The configuration cannot serve the run.
    """
    if wish.workflow not in (None, "atlas"):
        raise InvalidInput("workflow", f"there is no workflow {wish.workflow!r}; there is 'atlas'")
    solvers, left_out = _able(problem, pool.solvers(wish.solvers))
    orchestrator = _orchestrator(problem, pool, solvers, settings)
    spec = RunSpec(
        workflow="atlas",
        orchestrator=orchestrator,
        solvers=solvers,
        budget=_budget(wish, settings),
        explore_effort=_explore_effort(wish.explore_effort, solvers),
        seed=wish.seed,
        left_out=left_out,
    )
    _check(problem, spec, (*(entry.spec for entry in solvers), orchestrator), settings)
    return spec


def plan_explores(
    problem: Problem, wish: Wish, count: int, *, pool: Pool, settings: Settings
) -> RunSpec:
    """Return the settings of a run whose orchestrator is the client.

    Raises:
        InvalidInput: An argument breaks a rule.
        ConfigError: The configuration cannot serve the run.
    """
    _check_count(count)
    solvers, left_out = _able(problem, pool.solvers(wish.solvers))
    budget = _budget(wish, settings)
    budget = replace(budget, max_explores=max(budget.max_explores, count), prefetch=0)
    workflow: Workflow = "explore"
    spec = RunSpec(workflow, None, solvers, budget, seed=wish.seed, left_out=left_out)
    _check(problem, spec, tuple(entry.spec for entry in solvers), settings)
    return spec


def make_explores(
    spec: RunSpec,
    *,
    solver: str | None,
    effort: str | None,
    strategy: str | None,
    instruction: str | None,
    count: int,
    first: int = 0,
) -> tuple[Explore, ...]:
    """Return the explores that a client asks for, each with another strategy if none is named.

    Args:
        spec: The run they belong to.
        solver: Name of the solver; the first of the run's if not given.
        effort: How hard they try.
        strategy: One strategy for all of them.
        instruction: A directed instruction for all of them.
        count: How many.
        first: How many the run has had, so that the strategies go on where they were.

    Raises:
        InvalidInput: An argument breaks a rule.
    """
    _check_count(count)
    names = [entry.name for entry in spec.solvers]
    for left_out in spec.left_out:
        if solver == left_out.name:
            raise InvalidInput("solver", f"{solver!r} is not in this run: {left_out.reason}")
    if solver is not None and solver not in names:
        raise InvalidInput(
            "solver", f"there is no solver {solver!r} in this run; there are {', '.join(names)}"
        )
    entry = spec.solver(solver or names[0])
    return tuple(
        Explore(
            solver=entry.name,
            strategy=_strategy(strategy, first + i),
            effort=_effort(effort, entry),
            instruction=_instruction(instruction),
        )
        for i in range(count)
    )


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


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_COUNT:
        raise InvalidInput("count", f"is {count}; it takes 1 to {MAX_COUNT}")


def _budget(wish: Wish, settings: Settings) -> Budget:
    section = settings.budget
    cap = section.max_cost_usd
    if wish.max_cost_usd is not None:
        cap = Decimal(str(wish.max_cost_usd))
        check_cap(cap)
    return Budget(
        max_explores=section.max_explores if wish.max_explores is None else wish.max_explores,
        max_parallel=section.max_parallel,
        prefetch=section.prefetch,
        max_cost_usd=cap,
        time_limit_s=section.time_limit_s if wish.time_limit_s is None else wish.time_limit_s,
        solver_time_limit_s=section.solver_time_limit_s,
    )


def _explore_effort(wish: str | None, solvers: Sequence[SolverSpec]) -> ExploreEffort:
    """Source of the defaults: the ATLAS paper, low with one solver and medium with several."""
    if wish is None:
        return "low" if len(solvers) == 1 else "medium"
    for effort in get_args(ExploreEffort):
        if wish == effort:
            return effort
    raise InvalidInput("explore_effort", f"is {wish!r}; it takes low, medium or high")


def _strategy(wish: str | None, index: int) -> Strategy:
    if wish is None:
        return STRATEGIES[index % len(STRATEGIES)]
    for strategy in STRATEGIES:
        if wish == strategy:
            return strategy
    raise InvalidInput(
        "strategy", f"there is no strategy {wish!r}; there are {', '.join(STRATEGIES)}"
    )


def _effort(wish: str | None, entry: SolverSpec) -> Effort | None:
    if wish is None:
        return None
    accepted = entry.spec.efforts
    for effort in EFFORTS:
        if wish == effort and effort in accepted:
            return effort
    takes = f"takes {', '.join(accepted)}" if accepted else "takes no effort"
    raise InvalidInput("effort", f"is {wish!r}; solver {entry.name!r} {takes}")


def _instruction(wish: str | None) -> str | None:
    if wish is not None and len(wish) > MAX_INSTRUCTION_CHARS:
        raise InvalidInput(
            "instruction",
            f"has {len(wish):,} characters; at most {MAX_INSTRUCTION_CHARS:,} are taken",
        )
    try:
        (wish or "").encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("instruction", "is not valid Unicode; write it in UTF-8") from error
    return wish or None


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
    lowest = None if cap is None else cheapest_explore(problem, spec, cap)
    if lowest is not None:
        raise InvalidInput(
            "max_cost_usd", f"{cap} pays for no explore; one must be able to cost ${lowest:.3f}"
        )


def cheapest_explore(problem: Problem, spec: RunSpec, cap: Decimal) -> Decimal | None:
    """Return the US dollars that a cap must leave for one explore; `None` if `cap` does."""
    reserve, lowest = first_reserve(problem, spec, cap), FREE
    for entry in spec.solvers:
        request = solver_request(
            problem, Explore(entry.name), entry.spec, max_tokens=entry.spec.max_tokens, seed=None
        )
        price = entry.spec.price
        if price is None or hold_for(entry.spec, request, cap - reserve) is not None:
            return None
        needed = price.of(
            input_tokens=input_tokens_at_most(request, image_tokens=entry.spec.image_tokens),
            output_tokens=min(MIN_OUTPUT_TOKENS, request.max_tokens),
        )
        lowest = needed if lowest == FREE else min(lowest, needed)
    return lowest


def check_same_problem(state: RunState, problem: Problem | None, run_id: str) -> None:
    """Refuse explores under a run that is about something else.

    Models repeat a problem with other white space and other quotation marks.

    Raises:
        InvalidInput: An argument is not what the run was opened with, or that is lost.
    """
    check_opening(state)
    if state.spec.workflow != "explore":
        raise InvalidInput(
            "run_id", f"{run_id!r} is a solve_with_atlas run; leave run_id out to start afresh"
        )
    if problem is None:
        return
    if _compared(problem.text) != _compared(state.problem.text):
        raise InvalidInput(
            "problem",
            f"is not the problem of run {run_id!r}; repeat it word for word, or leave it out",
        )
    if problem.images not in ((), state.problem.images):
        raise InvalidInput(
            "images", f"are not those of run {run_id!r}; leave them out to keep the run's"
        )
    if problem.answer_schema not in (None, state.problem.answer_schema):
        raise InvalidInput(
            "answer_schema", f"is not that of run {run_id!r}; leave it out to keep the run's"
        )


def _compared(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_QUOTES).split())


def plan_client_explores(
    spec: RunSpec, wish: ExploreWish, state: RunState | None = None
) -> ExploresPlanned:
    """Return the explores that a client asks for, under a run that it has or is about to open.

    Raises:
        InvalidInput: An argument breaks a rule, or their solver's quota.
    """
    used = 0 if state is None else len(state.explores)
    last = 0 if state is None else max(state.explores, default=0)
    explores: tuple[Explore, ...] = make_explores(
        spec,
        solver=wish.solver,
        effort=wish.effort,
        strategy=wish.strategy,
        instruction=wish.instruction,
        count=wish.count,
        first=used,
    )
    entry = spec.solver(explores[0].solver)
    had = 0 if state is None else quota_used(state, entry.name)
    if entry.quota is not None and had + len(explores) > entry.quota:
        raise InvalidInput(
            "count",
            f"is {wish.count}; solver {entry.name!r} has {max(0, entry.quota - had)} of its "
            f"{entry.quota} explores of one run left; name another solver for more",
        )
    return ExploresPlanned(
        "client", tuple(Planned(last + i, explore) for i, explore in enumerate(explores, start=1))
    )
