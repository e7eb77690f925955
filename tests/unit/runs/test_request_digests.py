"""Digests: two requests have the same exactly where they ask for the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.explore_requests import ExploreRequest, plan_client_explores
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.runs.engine import ExploreFurther, OpenRun
from atlas_mcp.runs.request_digests import QUICK_CHARS, digest, digest_of

MODEL = ModelSpec("scripted/demo", endpoint={"base_url": "http://a"})
SPEC = RunSpec("atlas", MODEL, (SolverSpec("demo", MODEL),), Budget(max_cost_usd=Decimal("5.0")))
PROBLEM = Problem(
    "6 * 7?",
    (Image("image/png", "AAAA"),),
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}},
)
PLAN = OpenRun(PROBLEM, SPEC)


def test_keys_in_another_order_and_money_with_more_zeros_ask_for_the_same() -> None:
    turned = {"properties": {"b": {}, "a": {"type": "integer"}}, "type": "object"}
    capped = replace(SPEC, budget=replace(SPEC.budget, max_cost_usd=Decimal(5)))

    assert digest(OpenRun(replace(PROBLEM, answer_schema=turned), capped)) == digest(PLAN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, problem=replace(PROBLEM, text="6 * 7? ")),
        replace(PLAN, problem=replace(PROBLEM, images=())),
        replace(PLAN, problem=replace(PROBLEM, images=(Image("image/png", "AAAB"),))),
        replace(PLAN, problem=replace(PROBLEM, images=(Image(url="https://a/b.png"),))),
        replace(PLAN, problem=replace(PROBLEM, images=PROBLEM.images * 2)),
        replace(PLAN, problem=replace(PROBLEM, answer_schema={"type": "object"})),
        replace(PLAN, spec=replace(SPEC, explore_effort="high")),
        replace(PLAN, spec=replace(SPEC, seed=1)),
        replace(PLAN, spec=replace(SPEC, budget=replace(SPEC.budget, max_explores=3))),
        replace(PLAN, spec=replace(SPEC, orchestrator=replace(MODEL, effort="low"))),
        replace(PLAN, spec=replace(SPEC, orchestrator=replace(MODEL, endpoint={}))),
        replace(PLAN, explores=plan_client_explores(SPEC, ExploreRequest(count=2))),
    ],
)
def test_a_request_that_asks_for_anything_else_is_another(other: OpenRun) -> None:
    assert digest(other) != digest(PLAN)


def test_explores_of_one_run_are_told_apart_by_the_run_and_by_each_argument() -> None:
    asked = ExploreFurther(None, ExploreRequest("demo", "low", "direct", "Try.", 2))
    others = [
        digest(replace(asked, problem=Problem("6 * 7?")), "r"),
        *(
            digest(replace(asked, explores=replace(asked.explores, **{name: None})), "r")
            for name in ("solver", "effort", "strategy", "instruction")
        ),
        digest(replace(asked, explores=replace(asked.explores, count=3)), "r"),
        digest(asked, "s"),
        digest(asked),
    ]

    assert digest(asked, "r") not in others
    assert len(set(others)) == len(others)


async def test_a_long_request_has_the_digest_that_it_has_anywhere() -> None:
    long = replace(PLAN, problem=Problem("\ud83d" + "x" * QUICK_CHARS))

    assert await digest_of(long) == digest(long)
    assert await digest_of(PLAN) == digest(PLAN)
