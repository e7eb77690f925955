"""The settings of a run, and the floor that they set."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.atlas.budget import ExploreEffort
from atlas_mcp.atlas.run_spec import Floor, SolverSpec, floor_of
from tests.support.played_runs import a_model, a_run, a_solver

A, B, C = (a_solver(name) for name in "abc")
SAME = a_model("maker/one")


def test_a_solver_is_found_by_its_name() -> None:
    spec = a_run(A, B)

    assert spec.solver("b") == B
    with pytest.raises(KeyError):
        spec.solver("c")


@pytest.mark.parametrize(
    ("solvers", "effort", "limits", "floor"),
    [
        ((A,), "low", {}, Floor(2, 1)),
        ((A,), "medium", {}, Floor(3, 1)),
        ((A,), "high", {}, Floor(5, 1)),
        ((A, B, C), "medium", {}, Floor(3, 2)),
        ((A, B, C), "high", {}, Floor(5, 3)),
        ((A, B, C), "high", {"max_explores": 2}, Floor(2, 2)),
        ((a_solver("a", quota=1), a_solver("b", quota=1)), "high", {}, Floor(2, 2)),
        ((a_solver("a", spec=SAME), a_solver("b", spec=SAME)), "high", {}, Floor(5, 1)),
    ],
    ids=["low", "medium", "high", "two models", "all", "ceiling", "quotas", "one model"],
)
def test_the_floor_follows_from_the_effort_and_keeps_to_the_limits(
    solvers: tuple[SolverSpec, ...], effort: ExploreEffort, limits: dict[str, Any], floor: Floor
) -> None:
    assert floor_of(a_run(*solvers, effort=effort, **limits)) == floor
