"""Explores start with a hold that bears all of their request, in every workflow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas import solver_prompts
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.starting import cheapest_explore
from atlas_mcp.atlas.workflows import base
from atlas_mcp.atlas.workflows.majority import Majority
from tests.support.played_runs import a_model, a_run, a_solver, answers, explores, play

RULES = "x" * 200_000
"""What a workflow may put into the system prompt of its calls."""

SOLVER = a_solver(spec=a_model("maker/s", price=("2", "10"), max_tokens=4_000))


@pytest.fixture
def _wordy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the workflow `majority` send its solvers much more than the problem."""
    alone = Majority.request

    def request(self: Majority, *args: Any, **named: Any) -> ModelRequest:
        asked = alone(self, *args, **named)
        return replace(asked, system=asked.system + RULES)

    monkeypatch.setattr(Majority, "request", request)


@pytest.mark.requirement("MONEY-18")
@pytest.mark.usefixtures("_wordy")
def test_a_hold_bears_all_that_a_workflow_sends() -> None:
    run = play(a_run(SOLVER, workflow="majority", max_explores=2, max_cost_usd="5"))

    assert len(run.solves) == 2
    for call in run.solves:
        tokens = input_tokens_at_most(call.request)
        most = Decimal(2) * tokens + Decimal(10) * call.request.max_tokens
        assert tokens > len(RULES)
        assert call.intent.hold_usd >= most / 1_000_000


@pytest.mark.usefixtures("_wordy")
def test_a_request_that_the_cap_does_not_bear_is_neither_planned_nor_sent() -> None:
    run = play(a_run(SOLVER, workflow="majority", max_cost_usd="0.3"))

    assert run.solves == []
    assert (run.end.status, run.end.stop_reason) == ("failed", "no_candidates")
    assert "max_cost_usd" in (run.end.error or "")


@pytest.mark.usefixtures("_wordy")
def test_the_least_that_a_cap_must_bear_counts_all_that_a_workflow_sends() -> None:
    spec, problem = a_run(SOLVER, workflow="majority"), Problem("How many?")

    assert cheapest_explore(problem, spec, Decimal(1)) is None
    needed = cheapest_explore(problem, spec, Decimal("0.01"))
    assert needed is not None
    assert needed > Decimal("0.4"), "200,000 tokens at 2 dollars a million"


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
