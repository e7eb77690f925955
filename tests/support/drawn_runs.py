"""Runs of every kind, drawn by hypothesis: settings, turns of the orchestrator, outcomes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any, cast, get_args

from hypothesis import strategies as st

from atlas_mcp.atlas.explore import STRATEGIES, FailureKind, Outcome
from atlas_mcp.atlas.messages import AssistantTurn, ReplyEnd, ToolCall
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec
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


REPLY_ENDS: tuple[ReplyEnd, ...] = get_args(ReplyEnd)


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


def muddle(text: str, end: ReplyEnd, arguments: list[dict[str, Any]], tool: str) -> Saying:
    calls = tuple(ToolCall(str(i), tool, one) for i, one in enumerate(arguments))
    return AssistantTurn(text, calls), end


MUDDLES = st.builds(
    muddle,
    st.one_of(WORDS, st.sampled_from(["{", "[]", '{"answer": 1}', '{"action": "explore"}'])),
    st.sampled_from(REPLY_ENDS),
    st.lists(ARGUMENTS, max_size=3),
    st.sampled_from(["explore", "search"]),
)


SAYINGS: st.SearchStrategy[Saying] = st.one_of(
    CALLS,
    MUDDLES,
    st.sampled_from(["1", "2"]).map(answers),
    st.builds(gives_up),
    st.sampled_from(REPLY_ENDS).map(lambda end: says("", end)),
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
def specs(
    draw: st.DrawFn, *, one_price: bool = True, eyes: bool = False, workflow: str = "atlas"
) -> RunSpec:
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
        workflow=workflow,
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
def runs(draw: st.DrawFn, *, one_price: bool = True, workflow: str = "atlas") -> Played:
    return played(draw, draw(specs(one_price=one_price, workflow=workflow)))
