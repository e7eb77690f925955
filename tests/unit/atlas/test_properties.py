"""Properties of every run, for any replies and any interleaving of its calls."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.workflows.atlas import MAX_FRUITLESS_TURNS
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.drawing import draws
from tests.support.drawn_runs import played, runs, specs
from tests.support.played_runs import (
    Played,
)


def keeps_its_limits(run: Played) -> None:
    budget = run.state.budget
    for state in run.live:
        assert len(state.solvers_in_flight) <= budget.max_parallel
        if budget.max_cost_usd is not None:
            assert state.ledger.committed <= budget.max_cost_usd
    assert len(run.solves) <= budget.max_explores
    for entry in run.state.spec.solvers:
        went = sum(solve.explore.solver == entry.name for solve in run.solves)
        assert entry.quota is None or went <= entry.quota
    # Every turn adds an explore or is fruitless, and one more is taken below the floor.
    assert len(run.asks) <= (budget.max_explores + 1) * MAX_FRUITLESS_TURNS + 1
    assert run.state.finished is not None
    assert run.state.ledger.held == {}
    assert next_commands(run.state) == ()


@given(runs())
@settings(max_examples=draws(100), deadline=None)
@pytest.mark.requirement("MONEY-3")
def test_every_run_ends_and_keeps_its_limits(run: Played) -> None:
    keeps_its_limits(run)


# Without shrinking: a run that does not end is slow to play again and again.
@given(runs(one_price=False, workflow="guarded"))
@settings(max_examples=draws(150), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_every_run_with_a_weak_orchestrator_ends_and_repeats_no_strategy_early(run: Played) -> None:
    keeps_its_limits(run)
    made = [one.planned.explore.strategy for one in run.state.explores.values() if not one.skipped]
    assert len({*made[: len(STRATEGIES)]}) == min(len(made), len(STRATEGIES))


@st.composite
def runs_with_pictures(draw: st.DrawFn) -> Played:
    images = tuple(Image(url=f"https://example.org/{i}") for i in range(draw(st.integers(1, 3))))
    return played(draw, draw(specs(eyes=True)), Problem("What is shown?", images))


@given(runs_with_pictures())
@settings(max_examples=draws(100), deadline=None)
def test_no_explore_with_pictures_goes_to_a_solver_that_cannot_see(run: Played) -> None:
    solvers = [entry for entry in run.state.spec.solvers if entry.spec.images]

    assert {solve.explore.solver for solve in run.solves} <= {entry.name for entry in solvers}
    assert bool(run.solves) <= bool(solvers)
    keeps_its_limits(run)


# Without shrinking: a run that does not end is slow to play again and again.
@given(runs(one_price=False))
@settings(max_examples=draws(150), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_every_run_ends_and_keeps_its_limits_also_where_prices_differ(run: Played) -> None:
    keeps_its_limits(run)


@given(runs())
@settings(max_examples=draws(40), deadline=None)
def test_a_run_can_be_seen_at_any_moment(run: Played) -> None:
    for state in run.live:
        for driven in (False, True):
            view = view_of(RunSnapshot("r", state, state.at + 1, driven=driven))
            assert view.model_validate_json(view.model_dump_json()).run_id == "r"
            assert view.elapsed_s >= 0
    final = view_of(RunSnapshot("r", run.state, 0, driven=False))
    assert final.usage.requests == len(run.calls)
    assert len(final.candidates) == len(run.solves)


@given(runs())
@settings(max_examples=draws(40), deadline=None)
@pytest.mark.requirement("PAID-2")
def test_a_run_gone_on_with_from_any_of_its_records_asks_for_no_finished_call_again(
    run: Played,
) -> None:
    for state in run.live:
        ended = {explore.id for explore in state.done}
        for command in next_commands(state):
            if isinstance(command, RunSolver):
                assert command.intent.explore_id not in ended
