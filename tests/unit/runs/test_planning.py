"""Plans: what a request becomes, and which requests are refused before anything is recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.planning import Planner
from atlas_mcp.runs.request import RunRequest

PROBLEM = make_problem("6 * 7?")


@asynccontextmanager
async def planner_at(home: Path, *, per_day: Decimal | None = None) -> AsyncGenerator[Planner]:
    price = PriceSettings(input=Decimal(1), output=Decimal(1))
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model="scripted/demo", price=price)},
        budget=BudgetSettings(max_cost_usd_per_day=per_day),
    )
    journal = SqliteJournal(home)
    try:
        yield Planner(settings, Pool(settings), journal, RetryPolicy())
    finally:
        await journal.aclose()


async def test_a_solve_becomes_a_submission_without_explores(tmp_path: Path) -> None:
    async with planner_at(tmp_path) as planner:
        submission = await planner.solve(PROBLEM, RunRequest(max_explores=3))

    assert submission.problem == PROBLEM
    assert submission.spec.budget.max_explores == 3
    assert submission.explores is None


async def test_explores_become_a_submission_with_all_of_them(tmp_path: Path) -> None:
    async with planner_at(tmp_path) as planner:
        submission = await planner.explore(PROBLEM, RunRequest(), ExploreRequest("demo", count=2))

    assert submission.explores is not None
    assert len(submission.explores.planned) == 2
    assert [entry.name for entry in submission.spec.solvers] == ["demo"]


async def test_a_solver_that_is_not_there_is_refused_as_the_argument_that_named_it(
    tmp_path: Path,
) -> None:
    async with planner_at(tmp_path) as planner:
        with pytest.raises(InvalidInput) as caught:
            await planner.explore(PROBLEM, RunRequest(), ExploreRequest("nope"))

    assert caught.value.argument == "solver"


async def test_a_day_that_leaves_no_explore_is_refused(tmp_path: Path) -> None:
    async with planner_at(tmp_path, per_day=Decimal("0.000001")) as planner:
        plan = await planner.solve(PROBLEM, RunRequest())
        with pytest.raises(ConfigError, match="max_cost_usd_per_day"):
            await planner.check_day_cap(plan)


@pytest.mark.parametrize(("workflow", "is_asked"), [(None, True), ("majority:2", False)])
async def test_an_orchestrator_is_looked_up_only_for_a_workflow_that_asks_one(
    tmp_path: Path, workflow: str | None, is_asked: bool
) -> None:
    asked: list[bool] = []

    class Asked(Pool):
        @override
        async def look_up(self, names: Sequence[str] | None, *, orchestrator: bool) -> None:
            asked.append(orchestrator)

    async with planner_at(tmp_path) as planner:
        planner.pool = Asked(planner.settings)
        submission = await planner.solve(PROBLEM, RunRequest(workflow=workflow))

    assert asked == [is_asked]
    assert (submission.spec.orchestrator is not None) == is_asked


async def test_an_explore_effort_that_no_orchestrator_reads_is_refused(tmp_path: Path) -> None:
    async with planner_at(tmp_path) as planner:
        with pytest.raises(InvalidInput, match="has no effect in workflow 'self-refine'") as caught:
            await planner.solve(PROBLEM, RunRequest(workflow="self-refine", explore_effort="high"))

    assert caught.value.argument == "explore_effort"
