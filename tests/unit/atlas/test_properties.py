"""What holds for every run, whatever its models say and however its calls interleave."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import (
    Record,
)
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.messages import Image, Turn
from atlas_mcp.atlas.policy import MAX_FRUITLESS_TURNS, next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_facts import UNANSWERED
from atlas_mcp.atlas.state import RunState
from atlas_mcp.views.rendering import view_run
from tests.support.drawing import draws
from tests.support.drawn_runs import OUTCOMES, SAYINGS, cycled, played, runs, specs
from tests.support.played_runs import (
    Played,
    play,
)
from tests.support.stopped_runs import (
    every_call_is_answered,
    resumed,
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
            view = view_run("r", state, now=state.at + 1, driven=driven)
            assert view.model_validate_json(view.model_dump_json()).run_id == "r"
            assert view.elapsed_s >= 0
    final = view_run("r", run.state, now=0, driven=False)
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


class Interrupted:
    """A run, and how it is played on from any of its records. No dataclass: those are printed."""

    def __init__(self, run: Played, go_on: Callable[[list[Record]], Played]) -> None:
        self.run = run
        self.go_on = go_on


@st.composite
def interrupted(draw: st.DrawFn) -> Interrupted:
    spec = draw(specs(one_price=draw(st.booleans())))
    sayings = draw(st.lists(SAYINGS, min_size=1, max_size=4))
    outcomes: list[Outcome] = draw(st.lists(OUTCOMES, min_size=1, max_size=4))
    share = draw(st.sampled_from(["0", "0.5", "1"]))

    def go_on(records: list[Record]) -> Played:
        return play(
            spec,
            *sayings,
            solve=cycled(outcomes),
            price=lambda hold: hold * Decimal(share),
            go_on_from=records,
        )

    return Interrupted(played(draw, spec), go_on)


def limits_for(state: RunState) -> dict[str, Any]:
    """Return the limits that have to be raised, so that this run goes on."""
    if state.finished is None:
        return {}
    cap = state.budget.max_cost_usd
    more = {"max_explores": min(100, state.budget.max_explores + 2)}
    return more if cap is None else {**more, "max_cost_usd": cap + 1}


# Without shrinking: playing a run on from each of its records is slow to do again and again.
@given(interrupted())
@settings(max_examples=draws(40), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_run_cut_at_any_of_its_records_goes_on_to_an_end_within_its_limits(
    one: Interrupted,
) -> None:
    run = one.run
    for cut, before in enumerate(run.live, start=1):
        on = one.go_on(resumed(run.records[:cut], **limits_for(before)))

        begun = on.live[0]
        assert begun.ledger.held == {}
        assert begun.ledger.committed == before.ledger.committed
        limit = on.state.budget.max_cost_usd
        for state in on.live:
            assert limit is None or state.ledger.committed <= limit
            assert state.used_explores <= state.budget.max_explores
            assert len(state.solvers_in_flight) <= state.budget.max_parallel
        assert (on.state.finished is not None, on.state.ledger.held) == (True, {})

        made_again = {one.intent.explore_id for one in on.solves}
        assert len(made_again) == len(on.solves)
        for explore in before.done:
            assert explore.outcome is not None
            if explore.outcome.status == "ok" or explore.outcome.kind not in UNANSWERED:
                assert explore.id not in made_again
                assert on.state.explores[explore.id].outcome == explore.outcome

        grown: tuple[Turn, ...] = begun.history
        prompt = [(turn.asked.system, turn.asked.tools) for turn in begun.turns[:1]]
        for ask in on.asks:
            request = ask.request
            assert request.turns[: len(grown)] == grown
            assert every_call_is_answered(request.turns)
            grown = request.turns
            prompt = prompt or [(request.system, request.tools)]
            assert prompt == [(request.system, request.tools)]

        written = [encode_event(record.event) for record in on.records]
        read = (Record(n, float(n), decode_event(line)) for n, line in enumerate(written, start=1))
        assert RunState.fold(read).spec == on.state.spec
