"""The explores that a client asks for: how they vary, and which requests are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS, STRATEGIES
from atlas_mcp.atlas.explore_requests import (
    MAX_COUNT,
    ExploreRequest,
    check_count,
    plan_client_explores,
)
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.request import RunRequest, plan_explores


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    settings = Settings(
        home=tmp_path, solvers={"demo": SolverSettings(model="scripted/demo", quota=3)}
    )
    return plan_explores(
        make_problem("6 * 7?"), RunRequest(), 1, pool=Pool(settings), settings=settings
    )


def test_explores_of_one_request_take_another_strategy_each(spec: RunSpec) -> None:
    planned = plan_client_explores(spec, ExploreRequest(count=3))

    assert [one.explore_id for one in planned.planned] == [1, 2, 3]
    assert [one.explore.strategy for one in planned.planned] == list(STRATEGIES[:3])


def test_a_strategy_that_is_named_is_that_of_all(spec: RunSpec) -> None:
    planned = plan_client_explores(spec, ExploreRequest(strategy="code_trace", count=2))

    assert {one.explore.strategy for one in planned.planned} == {"code_trace"}


@pytest.mark.parametrize(
    ("request_", "argument"),
    [
        (ExploreRequest(solver="nope"), "solver"),
        (ExploreRequest(strategy="guess"), "strategy"),
        (ExploreRequest(effort="enormous"), "effort"),
        (ExploreRequest(instruction="x" * (MAX_INSTRUCTION_CHARS + 1)), "instruction"),
        (ExploreRequest(instruction="\ud800"), "instruction"),
        (ExploreRequest(count=4), "count"),
    ],
)
def test_an_argument_that_breaks_a_rule_is_named(
    spec: RunSpec, request_: ExploreRequest, argument: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_client_explores(spec, request_)

    assert caught.value.argument == argument


@pytest.mark.parametrize("count", [0, -1, MAX_COUNT + 1])
def test_one_call_has_a_bounded_number_of_explores(count: int) -> None:
    with pytest.raises(InvalidInput, match=f"takes 1 to {MAX_COUNT}"):
        check_count(count)
