"""What must hold whatever models do, however their calls interleave."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.budget import Ledger, OverBudget
from atlas_mcp.atlas.explore import STRATEGIES, Outcome, SolverFailure
from atlas_mcp.atlas.pool import SolverSpec
from atlas_mcp.atlas.rendering import view_run
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from tests.unit.atlas.simulation import MODEL, Says, World, answers, candidate, named, spec_of

EXPLORE_ARGUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from([*STRATEGIES, "nonsense"]),
        "solver": st.sampled_from(["a", "b", "main", ""]),
        "effort": st.sampled_from(["low", "max", "huge"]),
        "instruction": st.sampled_from(["look twice", "x" * 3_000, ""]),
    },
)

ORCHESTRATOR_TURNS: st.SearchStrategy[Says | SolverFailure] = st.one_of(
    st.lists(EXPLORE_ARGUMENTS, min_size=1, max_size=6).map(
        lambda calls: Says("", calls=calls, stop="tool_calls")
    ),
    st.just(answers("1")),
    st.just(answers(None, supported=False)),
    st.sampled_from(["", "{", '{"answer": 1}', '{"action": "explore"}', "[1]"]).map(Says),
    st.sampled_from(["refusal", "max_tokens"]).map(lambda stop: Says("{", stop=stop)),  # pyright: ignore[reportArgumentType] - literals
    st.just(Says("", calls=[{}], stop="tool_calls", name="other_tool")),
    st.just(Says(json.dumps({"answer": "1"}), calls=[{}], stop="max_tokens")),
    st.just(SolverFailure("unavailable", "down")),
)

OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.sampled_from(["1", "2", "3"]).map(candidate),
    st.sampled_from(["timeout", "rejected", "malformed"]).map(
        lambda kind: SolverFailure(kind, "no")  # pyright: ignore[reportArgumentType] - literals
    ),
)

POOLS: st.SearchStrategy[list[SolverSpec]] = st.sampled_from(
    [
        [SolverSpec("main", MODEL)],
        [named("a", "one"), named("b", "two")],
        [named("a", "one", quota=1), named("b", "two", quota=2)],
    ]
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, Any]:
    outcomes = draw(st.lists(OUTCOMES, min_size=1, max_size=6))
    orders = draw(st.lists(st.integers(0, 7), min_size=1, max_size=8))
    costs = draw(st.lists(st.decimals("0", "3", places=2), min_size=1, max_size=6))
    counter = {"order": 0, "cost": 0}

    def cycle(name: str, values: list[Any]) -> Any:
        counter[name] += 1
        return values[counter[name] % len(values)]

    world = World(
        solver=lambda number: outcomes[number % len(outcomes)],
        orchestrator=draw(st.lists(ORCHESTRATOR_TURNS, min_size=1, max_size=5)),
        cost=lambda: cycle("cost", costs),
        order=lambda count: cycle("order", orders),
        close_after=draw(st.none() | st.integers(1, 20)),
    )
    spec = spec_of(
        solvers=draw(POOLS),
        effort=draw(st.sampled_from(["low", "medium", "high"])),
        prefetch=draw(st.integers(0, 3)),
        max_parallel=draw(st.integers(1, 4)),
        max_explores=draw(st.integers(1, 6)),
        max_cost_usd=draw(st.sampled_from([Decimal("0.3"), Decimal(1), Decimal(5), None])),
    )
    return world, spec


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_every_run_ends_within_its_limits_and_folds_to_what_it_was(made: tuple[World, Any]) -> None:
    world, spec = made

    state = world.run(spec)

    assert state.finished is not None
    assert state.used_explores <= spec.budget.max_explores
    assert world.most_open <= spec.budget.max_parallel
    for entry in spec.solvers:
        used = [
            explore
            for explore in state.explores.values()
            if explore.planned.explore.solver == entry.name and explore.skipped is None
        ]
        assert entry.quota is None or len(used) <= entry.quota
    if spec.budget.max_cost_usd is not None:
        assert state.ledger.committed <= spec.budget.max_cost_usd
    assert RunState.fold(world.records) == state
    view = view_run("r", state, now=0.0, driven=False)
    assert len(view.candidates) == len(state.done)
    assert view.usage.requests == len(world.solver_requests) + len(world.asks)


@given(worlds(), st.data())
@settings(max_examples=60, deadline=None)
def test_records_cut_at_any_event_fold_and_the_money_held_never_passes_the_cap(
    made: tuple[World, Any], data: st.DataObject
) -> None:
    world, spec = made
    world.run(spec)
    cut = data.draw(st.integers(1, len(world.records)))

    state = RunState.fold(world.records[:cut])

    assert state.seq == cut
    if spec.budget.max_cost_usd is not None:
        assert state.ledger.committed <= spec.budget.max_cost_usd
    view_run("r", state, now=0.0, driven=False)


AMOUNTS = st.decimals("0", "4", places=3)


@given(
    st.decimals("0.5", "10", places=2),
    st.lists(st.tuples(st.sampled_from(["hold", "raise", "settle"]), st.integers(0, 5), AMOUNTS)),
)
def test_the_ledger_never_exceeds_its_limit(
    limit: Decimal, steps: list[tuple[str, int, Decimal]]
) -> None:
    ledger = Ledger(limit)
    for action, number, amount in steps:
        call = f"call-{number}"
        try:
            if action == "hold":
                ledger = ledger.hold(call, amount)
            elif action == "raise":
                ledger = ledger.raise_hold(call, amount)
            elif call in ledger.held:
                paid = min(amount, ledger.held[call])
                ledger = ledger.settle(call, paid, uncertain=amount)
        except OverBudget:
            continue
        assert ledger.committed <= limit
        assert ledger.available is not None
        assert ledger.available >= 0


COUNTS = st.integers(0, 10**9)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a
