"""What holds for every run, whatever its models say and however its calls interleave."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any, cast, get_args

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas_mcp.atlas.budget import Ledger, OverBudget
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.explore import STRATEGIES, FailureKind, Outcome
from atlas_mcp.atlas.messages import AssistantTurn, Image, Stop, ToolCall
from atlas_mcp.atlas.policy import MAX_FRUITLESS_TURNS, next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_USAGE, Charge, Price, Usage, add_costs
from atlas_mcp.views.rendering import view_run
from tests.support.drawing import draws
from tests.support.played_runs import (
    Played,
    Saying,
    a_model,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    found,
    gives_up,
    play,
    says,
)

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
STOPS: tuple[Stop, ...] = get_args(Stop)

ARGUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from([*STRATEGIES, "guess", 7, None, ["direct"]]),
        "solver": st.sampled_from(["cheap", "dear", "nobody", "", 3, {}]),
        "effort": st.sampled_from(["low", "max", "huge", 1, []]),
        "instruction": st.one_of(WORDS, st.just("x" * 2_001), st.just(5)),
        "answer": WORDS,
    },
)

CALLS: st.SearchStrategy[Saying] = st.lists(ARGUMENTS, min_size=1, max_size=10).map(
    lambda some: explores(*some)
)


def muddle(text: str, stop: Stop, arguments: list[dict[str, Any]], tool: str) -> Saying:
    calls = tuple(ToolCall(str(i), tool, one) for i, one in enumerate(arguments))
    return AssistantTurn(text, calls), stop


MUDDLES = st.builds(
    muddle,
    st.one_of(WORDS, st.sampled_from(["{", "[]", '{"answer": 1}', '{"action": "explore"}'])),
    st.sampled_from(STOPS),
    st.lists(ARGUMENTS, max_size=3),
    st.sampled_from(["explore", "search"]),
)
SAYINGS: st.SearchStrategy[Saying] = st.one_of(
    CALLS,
    MUDDLES,
    st.sampled_from(["1", "2"]).map(answers),
    st.builds(gives_up),
    st.sampled_from(STOPS).map(lambda stop: says("", stop)),
    st.just(failed("unavailable")),
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.sampled_from(["1", "2"]).map(found),
    WORDS.map(lambda text: found("1", approach=text, reasoning=text)),
    st.sampled_from(cast("tuple[FailureKind, ...]", get_args(FailureKind))).map(failed),
)


def cycled(values: list[Any]) -> Callable[[Any], Any]:
    numbers = count()
    return lambda _: values[next(numbers) % len(values)]


@st.composite
def specs(draw: st.DrawFn, *, one_price: bool = True, eyes: bool = False) -> RunSpec:
    prices = (
        [("2", "10")] if one_price else [("2", "10"), ("0", "0"), ("0.1", "0.4"), ("80", "400")]
    )

    def model(name: str) -> Any:
        sees = eyes and draw(st.booleans())
        return a_model(f"maker/{name}", price=draw(st.sampled_from(prices)), images=sees)

    quotas = st.none() | st.integers(1, 3)
    solvers = [a_solver("cheap", spec=model("cheap"), quota=draw(quotas))]
    if draw(st.booleans()):
        solvers.append(a_solver("dear", spec=model("dear"), quota=draw(quotas)))
    return a_run(
        *solvers,
        orchestrator=a_model("maker/boss", price=draw(st.sampled_from(prices))),
        effort=draw(st.sampled_from(["low", "medium", "high"])),
        prefetch=draw(st.integers(0, 4)),
        max_parallel=draw(st.integers(1, 5)),
        max_explores=draw(st.integers(1, 8)),
        max_cost_usd=draw(st.sampled_from(["0.001", "0.1", "0.5", "2", "50", None])),
    )


def played(draw: st.DrawFn, spec: RunSpec, problem: Problem | None = None) -> Played:
    shares = draw(st.lists(st.sampled_from(["0", "0.001", "0.5", "1", None]), min_size=1))
    part = cycled(shares)

    def price(hold: Decimal) -> Decimal | None:
        share = part(hold)
        return None if share is None else hold * Decimal(share)

    return play(
        spec,
        *draw(st.lists(SAYINGS, min_size=1, max_size=6)),
        solve=cycled(draw(st.lists(OUTCOMES, min_size=1, max_size=5))),
        pick=cycled(draw(st.lists(st.integers(0, 9), min_size=1, max_size=5))),
        price=price,
        problem=problem,
    )


@st.composite
def runs(draw: st.DrawFn, *, one_price: bool = True) -> Played:
    return played(draw, draw(specs(one_price=one_price)))


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
def test_the_records_of_a_run_fold_to_its_live_state_also_cut_at_any_of_them(run: Played) -> None:
    written = [encode_event(record.event) for record in run.records]
    read = [
        Record(record.seq, record.at, decode_event(line))
        for record, line in zip(run.records, written, strict=True)
    ]

    assert read == run.records
    assert all("\n" not in line for line in written)
    for cut, live in enumerate(run.live, start=1):
        state = RunState.fold(read[:cut])
        assert state == live
        assert next_commands(state) == next_commands(live)


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


AMOUNTS = st.decimals("0", "3", places=4)


class LedgerMachine(RuleBasedStateMachine):
    """Holds, raises and settlements in any order never pass the limit."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(Decimal(5))
        self.opened = 0

    @rule(amount=AMOUNTS)
    def hold(self, amount: Decimal) -> None:
        available = self.ledger.available
        assert available is not None
        try:
            self.ledger = self.ledger.hold(f"call-{self.opened}", amount)
        except OverBudget:
            assert amount > available
            return
        assert amount <= available
        self.opened += 1

    @precondition(lambda self: self.ledger.held)
    @rule(data=st.data(), by=AMOUNTS)
    def raise_hold(self, data: st.DataObject, by: Decimal) -> None:
        call = data.draw(st.sampled_from(sorted(self.ledger.held)))
        before = self.ledger
        try:
            self.ledger = before.raise_hold(call, by)
        except OverBudget:
            assert by > (before.available or 0)
            return
        assert self.ledger.held[call] == before.held[call] + by

    @precondition(lambda self: self.ledger.held)
    @rule(data=st.data(), share=st.decimals("0", "1", places=2) | st.none(), uncertain=AMOUNTS)
    def settle(self, data: st.DataObject, share: Decimal | None, uncertain: Decimal) -> None:
        call = data.draw(st.sampled_from(sorted(self.ledger.held)))
        before = self.ledger
        cost = None if share is None else before.held[call] * share
        self.ledger = before.settle(call, Charge(cost=cost, uncertain=uncertain))
        assert call not in self.ledger.held
        assert self.ledger.committed <= before.committed
        assert self.ledger.spent >= before.spent

    @invariant()
    def keeps_the_limit(self) -> None:
        assert self.ledger.committed <= 5
        assert self.ledger.available == 5 - self.ledger.committed


LedgerMachine.TestCase.settings = settings(max_examples=draws(50), deadline=None)
TestLedger = LedgerMachine.TestCase


@pytest.mark.requirement("MONEY-3")
def test_what_was_never_held_cannot_be_raised_and_nothing_holds_twice() -> None:
    ledger = Ledger(Decimal(1)).hold("a", Decimal("0.5"))

    for wrong in (
        lambda: ledger.raise_hold("b", Decimal(0)),
        lambda: ledger.hold("a", Decimal(0)),
        lambda: ledger.hold("b", Decimal("-0.1")),
    ):
        try:
            wrong()
        except OverBudget:
            continue
        raise AssertionError("it was taken")


COUNTS = st.integers(0, 10**12)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
COSTS = st.none() | st.decimals("0", "100", places=6)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NO_USAGE == a


@given(st.lists(COSTS))
@pytest.mark.requirement("MONEY-15")
def test_a_sum_with_an_unknown_cost_is_unknown(costs: list[Decimal | None]) -> None:
    known = [cost for cost in costs if cost is not None]

    assert add_costs(*costs) == (sum(known, Decimal(0)) if len(known) == len(costs) else None)


@given(st.decimals("0.01", "500", places=2), st.decimals("0", "50", places=4))
def test_the_tokens_that_money_buys_cost_no_more_than_it(rate: Decimal, dollars: Decimal) -> None:
    price = Price(rate, rate)
    tokens = price.output_tokens_for(dollars)

    assert tokens is not None
    assert price.of(input_tokens=0, output_tokens=tokens) <= dollars
    assert price.of(input_tokens=0, output_tokens=tokens + 1) > dollars


@given(st.builds(found, WORDS.filter(str.strip) | st.integers() | st.lists(WORDS), approach=WORDS))
def test_a_candidate_is_written_and_read_back_unchanged(outcome: Outcome) -> None:
    from atlas_mcp.atlas.events import SolverFinished

    event = SolverFinished(1, outcome, Charge(NO_USAGE, Decimal("0.1")))

    assert decode_event(encode_event(event)) == event
