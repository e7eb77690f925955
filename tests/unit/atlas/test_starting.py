from __future__ import annotations

import pytest

from atlas_mcp.atlas import solver_prompts
from atlas_mcp.atlas.workflows import base
from tests.support.played_runs import a_run, a_solver, answers, explores, play


def test_one_request_is_built_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one to learn what a call would cost, for every solver that might get it."""
    built: list[str] = []

    def counted(*args: object, **named: object) -> object:
        built.append("request")
        return solver_prompts.solver_request(*args, **named)  # pyright: ignore[reportArgumentType] - passed on as they came

    monkeypatch.setattr(base, "solver_request", counted)
    names = ("a", "b", "c", "d", "e")
    run = play(
        a_run(*map(a_solver, names), effort="high"),
        explores(*({"solver": name, "strategy": "decompose"} for name in ("c", "d", "e"))),
        explores({"solver": "a", "strategy": "code_trace"}),
        answers(),
    )

    assert len(run.solves) == 6
    assert len(built) == 6
