"""Requests become settings of runs: an argument goes before the configuration, within the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import LeftOut, RunSpec
from atlas_mcp.config.endpoints import OrchestratorSettings, PriceSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.request import RunRequest, plan_explores, plan_solve

PROBLEM = Problem("6 * 7?")
PICTURED = Problem("Which is it?", (Image(url="https://a.example/b.png"),))
PRICE = PriceSettings(input=Decimal(1), output=Decimal(1))
ENDPOINT: Mapping[str, Any] = {"model": "openai/m", "base_url": "http://127.0.0.1:9/v1"}


def settings_of(
    *names: str, images: tuple[str, ...] = (), priced: bool = True, **sections: Any
) -> Settings:
    """Return a configuration with these solvers, of which some take pictures."""
    price = PRICE if priced else None
    solvers = {
        name: SolverSettings(**ENDPOINT, price=price, images=name in images)
        for name in names or ("a",)
    }
    return Settings(home=Path("unused"), solvers=solvers, **sections)


def solved(settings: Settings, problem: Problem = PROBLEM, **asked: Any) -> RunSpec:
    return plan_solve(problem, RunRequest(**asked), pool=Pool(settings), settings=settings)


def explored(settings: Settings, count: int = 1, **asked: Any) -> RunSpec:
    request = RunRequest(**asked)
    return plan_explores(PROBLEM, request, count, pool=Pool(settings), settings=settings)


def test_an_argument_goes_before_the_configuration() -> None:
    settings = settings_of(budget=BudgetSettings(max_explores=6, time_limit_s=60))

    plain = solved(settings).budget
    asked = solved(settings, max_explores=9, max_cost_usd=1.5, time_limit_s=30).budget

    assert (plain.max_explores, plain.time_limit_s) == (6, 60)
    assert (asked.max_explores, asked.max_cost_usd, asked.time_limit_s) == (9, Decimal("1.5"), 30)


def test_several_solvers_are_asked_for_more_agreement_unless_told_otherwise() -> None:
    assert solved(settings_of("a")).explore_effort == "low"
    assert solved(settings_of("a", "b")).explore_effort == "medium"
    assert solved(settings_of("a", "b"), explore_effort="high").explore_effort == "high"
    with pytest.raises(InvalidInput, match="low, medium or high"):
        solved(settings_of(), explore_effort="utmost")


def test_a_workflow_named_with_its_explores_gets_so_many() -> None:
    settings = settings_of()

    assert solved(settings, workflow="majority:3").budget.max_explores == 3
    with pytest.raises(InvalidInput, match="takes 3") as caught:
        solved(settings, workflow="majority:3", max_explores=2)
    assert caught.value.argument == "max_explores"


def test_a_run_of_a_client_s_explores_has_neither_orchestrator_nor_first_explores() -> None:
    spec = explored(settings_of(budget=BudgetSettings(max_explores=2)), count=5)

    assert spec.orchestrator is None
    assert (spec.budget.prefetch, spec.budget.max_explores) == (0, 5)
    with pytest.raises(InvalidInput, match="count"):
        explored(settings_of(), count=0)


def test_solvers_that_cannot_see_are_left_out_where_there_are_pictures() -> None:
    spec = solved(settings_of("blind", "seeing", images=("seeing",)), PICTURED)

    assert [entry.name for entry in spec.solvers] == ["seeing"]
    assert spec.left_out == (LeftOut("blind", "it cannot see pictures"),)
    with pytest.raises(InvalidInput, match="'blind' cannot see pictures"):
        solved(settings_of("blind"), PICTURED)


def test_an_orchestrator_that_was_chosen_must_see_and_no_other_takes_its_place() -> None:
    orchestrator = OrchestratorSettings(**ENDPOINT, price=PRICE, images=False)
    settings = settings_of("a", images=("a",), orchestrator=orchestrator)

    with pytest.raises(InvalidInput, match=r"orchestrator .* cannot see"):
        solved(settings, PICTURED)
    assert solved(settings).orchestrator is not None


@pytest.mark.parametrize("cap", ["max_cost_usd", "max_cost_usd_per_day"])
def test_no_cap_can_be_held_over_a_model_of_unknown_price(cap: str) -> None:
    none: dict[str, Any] = {"max_cost_usd": None, "max_cost_usd_per_day": None}
    unpriced = settings_of(priced=False, budget=BudgetSettings(**none))
    assert solved(unpriced).solvers[0].spec.price is None

    capped: dict[str, Any] = {**none, cap: Decimal(5)}
    budget = BudgetSettings(**capped)
    with pytest.raises(ConfigError, match=rf"so {cap} \(5\) cannot be held"):
        solved(settings_of(priced=False, budget=budget))


def test_a_cap_that_pays_for_no_explore_is_refused_with_the_least_that_does() -> None:
    with pytest.raises(InvalidInput, match="pays for no explore") as caught:
        solved(settings_of(), max_cost_usd=0.0001)

    assert caught.value.argument == "max_cost_usd"


def test_a_seed_is_kept_with_the_run() -> None:
    spec = solved(settings_of(), seed=7)

    assert spec.seed == 7
    assert replace(spec, seed=None) == solved(settings_of())


# A weak orchestrator


def guarded(**sections: Any) -> Settings:
    return settings_of(
        orchestrator=OrchestratorSettings(**ENDPOINT, price=PRICE, guard=True), **sections
    )


def test_a_weak_orchestrator_is_helped_and_the_run_says_so() -> None:
    spec = solved(guarded())

    assert (spec.workflow, spec.budget.max_explores) == ("guarded", 4)
    assert solved(guarded(), workflow="atlas").workflow == "guarded"


def test_every_other_orchestrator_runs_the_loop_as_it_is() -> None:
    strong = OrchestratorSettings(**ENDPOINT, price=PRICE)
    for settings in (settings_of(orchestrator=strong), settings_of()):
        spec = solved(settings)
        assert (spec.workflow, spec.budget.max_explores) == ("atlas", 8)


def test_a_workflow_that_asks_no_orchestrator_needs_no_help() -> None:
    assert solved(guarded(), workflow="majority:3").workflow == "majority:3"


def test_a_number_of_explores_that_is_asked_for_goes_before_that_of_the_help() -> None:
    assert solved(guarded(), max_explores=8).budget.max_explores == 8
    assert solved(guarded(), max_explores=2).budget.max_explores == 2
    for number in (2, 8):
        settings = guarded(budget=BudgetSettings(max_explores=number))
        assert solved(settings).budget.max_explores == number


def test_the_floor_of_the_effort_goes_before_the_ceiling_of_the_help() -> None:
    assert solved(guarded(), explore_effort="medium").budget.max_explores == 4
    assert solved(guarded(), explore_effort="high").budget.max_explores == 5


def test_an_embedded_orchestrator_is_helped_unless_its_entry_says_otherwise() -> None:
    def planned(**entry: Any) -> RunSpec:
        solvers = {"small": SolverSettings(model="local/smollm2-135m", **entry)}
        return solved(Settings(home=Path("unused"), solvers=solvers))

    assert planned().workflow == "guarded"
    assert planned(guard=True).workflow == "guarded"
    assert planned(guard=False).workflow == "atlas"
    assert planned(guard=False).budget.max_explores == 8


def test_an_embedded_solver_beside_another_orchestrator_changes_nothing() -> None:
    solvers = {"small": SolverSettings(model="local/smollm2-135m")}
    boss = OrchestratorSettings(**ENDPOINT, price=PRICE)

    spec = solved(Settings(home=Path("unused"), solvers=solvers, orchestrator=boss))

    assert spec.workflow == "atlas"


def test_an_orchestrator_by_the_name_of_a_solver_may_say_whether_it_is_helped() -> None:
    solvers = {"a": SolverSettings(**ENDPOINT, price=PRICE, guard=True)}

    def planned(**orchestrator: Any) -> RunSpec:
        boss = OrchestratorSettings(model="a", **orchestrator)
        return solved(Settings(home=Path("unused"), solvers=solvers, orchestrator=boss))

    assert planned().workflow == "guarded"
    assert planned(guard=False).workflow == "atlas"
